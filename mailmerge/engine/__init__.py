"""Engine: which recipient is sent to next, over which connection, and what each reply means."""
