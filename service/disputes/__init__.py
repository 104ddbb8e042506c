"""A buyer's bank asks for the money back: what it asks, until when, and how it ended."""
