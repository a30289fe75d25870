"""What comes back by mail: bounces, complaints, unsubscribe mails, automatic replies, answers.

    bytes -> incoming.read_mail -> classify.classify -> Fact -> matching.match -> replies.collect

The first three steps are pure. `sources.py` and `imap.py` fetch the bytes; `replies.py` records the
facts in the ledger and writes the suppression list.
"""
