"""Who may see and do what. So far: the access token that belongs to one order."""
