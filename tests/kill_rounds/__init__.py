"""Kill rounds: the promise of docs/delivery.md, tested by ending the process again and again.

One round is one campaign from its first run to its last. Its runs are ended by SIGKILL, SIGTERM or
two SIGINTs, at random times and after random numbers of messages: while they check, enrol, recover,
send, fold, or begin a new journal file. Between two runs the spreadsheet or the template changes,
and recipients who were refused or are in doubt are tried again. After each run, and at random
moments within it, a judge compares the ledger with the messages that the server took.

    python -m tests.kill_rounds --rounds 1000 --seed 7 --jobs 2

prints a table by mode. A round depends only on its seed, so a failed one can be repeated, apart
from the moments at which the kills arrive.

    scenario.py   a seed -> what happens in a round, as frozen values
    run.py        one run, in a process of its own
    judge.py      what the ledger and the server may say after it
    rounds.py     plays a round
    figures.py    the table
"""
