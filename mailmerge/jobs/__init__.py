"""Jobs: a campaign, its recipients, a target, a ledger and limits, from the check to the summary.

    Job -> check -> enrol -> plan -> run -> summary

`Job` (job.py) does the whole sequence. Its target is a small value (targets.py). A sandbox run with
faults is several runs of one job (faults.py). A single test message needs no job (test_message.py).
"""
