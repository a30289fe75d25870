"""Signatures over finished messages: DKIM (RFC 6376), made from the bytes that leave."""
