"""A zone as it is, and what becomes of our records in it: merged on paper, or pushed."""
