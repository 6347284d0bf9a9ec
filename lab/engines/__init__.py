"""The engines: what runs trials."""
