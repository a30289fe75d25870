"""Reports from the ledger: status, exports and reconciliation."""
