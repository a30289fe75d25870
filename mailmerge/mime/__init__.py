"""Content -> message: header fields, encodings, attachments (RFC 5322, RFC 2045 to 2049).

settings      the sender and the format of a campaign, as a frozen value
message       Composer: writes the message of each recipient; its theory     (start here)
encoding      the transfer encodings, and how values get into encoded text
headers       header fields
multipart     the tree of body parts
"""
