"""One module per service of a mail host, each named after it."""
