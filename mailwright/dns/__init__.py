"""The DNS records that the mail system needs, each with the reason for it.

`purposes` has a file for each thing that records are for, `zone_file` their order, and `meaning`
asks them what is wrong with what is published. Whatever prints, publishes or checks reads
`records`.
"""
