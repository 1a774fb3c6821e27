"""What a record is for: a file for each purpose, with what is published for it and why.

Each has a `PURPOSE`, which `dns.catalogue` lists in their order; `dns.purpose` tells what it says.
"""
