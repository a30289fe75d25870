"""The ledger: exactly one true state for every recipient of a campaign, even after a crash.

    Recipient -> enrol -> claim -> sending -> sent | rejected | deferred | in_doubt

The modules, from the outside in:

    ledger.py       opens a database
    interface.py    what the rest of the program may do with a store
    journal.py      makes a transition cost one write(2)
    store.py        keeps deliveries in tables, with the statements of claims.py and enrolment.py
    sqlite.py       the only module that knows a dialect of SQL
    states.py       the pure rules
    quota.py        what each account has used of its limits
"""
