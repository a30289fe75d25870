"""Engine: sends to the recipients one by one, over several connections, and acts on each reply."""
