"""What runs on a host, by its own Python: the standard library and Debian's packages only."""
