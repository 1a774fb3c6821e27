"""What a record is for: a file for each purpose, with what is published for it and why.

`of_host` and `of_domain` are its records for these, and `no_mail` those for a name without mail.
"""
