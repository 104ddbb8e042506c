"""One attempt to pay: what was asked of the gateway, what it answered, and what that means for the order."""
