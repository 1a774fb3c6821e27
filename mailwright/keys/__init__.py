"""Private keys, and other files that hold secrets: made, opened, listed."""
