"""Formats: one module per file format; each turns a file into a header and rows."""
