"""Every file of a host, from the model and the templates."""
