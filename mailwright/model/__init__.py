"""What a mail system is: pure values, which know of no path, no socket and no file."""
