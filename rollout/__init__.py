"""The engine: how packages and files reach a host, all or nothing, and whether it serves."""
