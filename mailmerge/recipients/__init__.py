"""File -> recipients: read a spreadsheet and its addresses, decide which rows get a message."""
