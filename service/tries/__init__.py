"""Failed tries of a sign-in: counted for the account and for the address, and locked for longer each time."""
