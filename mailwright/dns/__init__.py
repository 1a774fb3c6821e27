"""The DNS records that the mail system needs, each with the reason for it.

`purposes` has a file for each thing that records are for, and `catalogue` their order. Whatever
prints, publishes or checks reads `records`, and asks `meaning` what published data amounts to.
"""
