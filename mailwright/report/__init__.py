"""What is wrong or worth knowing, as an object that is printed as text or JSON."""
