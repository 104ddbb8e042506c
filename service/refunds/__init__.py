"""Money on its way back: what we asked for, what was asked for at the gateway, and what became of it."""
