"""What a record is for, in a file for each purpose."""
