"""The mail system as one description, and everything that follows from it."""
