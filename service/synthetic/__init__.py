"""A customer of our own: buys a test pass every minute, as everybody does, and says how it went."""
