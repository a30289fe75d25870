"""Octets -> replies: the SMTP protocol without I/O, and the one file that does I/O for it."""
