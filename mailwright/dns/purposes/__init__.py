"""What a record is for: a file for each purpose, with what is published for it and why.

`of_host` and `of_domain` are its records for these, `no_mail` those for a name without mail, and
`judge` tells what is wrong with what is published.
"""
