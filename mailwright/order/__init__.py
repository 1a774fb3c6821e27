"""Certificates that this machine orders, for hosts that no authority reaches (RFC 8555).

The proof is in DNS (DNS-01, section 8.4), by dynamic update. No host has the account or the key of
the name server.
"""
