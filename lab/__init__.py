"""A small internet on one machine: hosts, DNS, an authority, someone else's mail server."""
