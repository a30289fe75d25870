"""The ledger: one true state for every recipient of a campaign, whatever happens to the process.

    Recipient -> enrol -> claim -> sending -> sent | rejected | deferred | in_doubt

From the outside in: `ledger.py` opens a database, `interface.py` says what its stores do,
`journal.py` makes transitions cheap, `store.py` keeps them in tables by the statements of
`claims.py` and `enrolment.py`, and `sqlite.py` knows the one dialect there is. `states.py` has the
rules. `quota.py` keeps what accounts have used of their limits.
"""
