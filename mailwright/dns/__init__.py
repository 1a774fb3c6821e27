"""The DNS records that the mail system needs, each with the reason for it.

`host_records` and `domain_records` say which there are, `purposes` has those whose value takes
thought, `meaning` judges what is published. Whatever prints, publishes or checks reads `records`.
"""
