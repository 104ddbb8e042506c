"""What changed lately: switches, keys, people, secrets, and which build runs with which settings."""
