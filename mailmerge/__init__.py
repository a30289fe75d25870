"""One correct, personal e-mail for every person of a spreadsheet, sent once, with a record."""

__version__ = "0.1.0"
