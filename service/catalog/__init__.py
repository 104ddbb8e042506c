"""What is on sale, at which price, and how much of it is left."""
