"""Ledger: one durable state per recipient, whatever happens to the process."""
