"""A small internet on one machine: hosts, DNS, an authority, somebody else's mail server."""
