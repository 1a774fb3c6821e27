"""What would fit a mailbox better than what is written, given how it is used."""
