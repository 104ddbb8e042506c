"""What an operator does by the API: planned, agreed to, done once, written down."""
