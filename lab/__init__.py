"""A small internet on one machine: real hosts, DNS, an authority and somebody else's mail server."""
