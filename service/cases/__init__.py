"""What only a person can put right: one open case for each such fact, with an owner and a time by which it is due."""
