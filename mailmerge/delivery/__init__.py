"""The run: who is sent to, how fast, over which connections, and what became of each person."""
