"""The commands, a module each; what they ask for and tell is in `terminal`."""
