"""Reports: the ledger as status, exports and reconciliation."""
