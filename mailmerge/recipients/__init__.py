"""File -> recipients: read a spreadsheet, understand its addresses, decide who is meant."""
