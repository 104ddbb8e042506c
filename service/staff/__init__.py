"""People of the festival who work with the platform: who they are, their role, password and second factor."""
