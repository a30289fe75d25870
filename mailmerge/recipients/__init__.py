"""File -> recipients: read a spreadsheet, understand its addresses, decide which rows get a message."""
