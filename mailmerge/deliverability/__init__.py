"""What decides whether mail arrives, outside of the messages: the records in the DNS."""
