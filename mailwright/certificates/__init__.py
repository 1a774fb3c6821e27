"""Certificates and their chains."""
