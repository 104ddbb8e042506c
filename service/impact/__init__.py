"""What a trouble has cost so far, which orders stand still, and asking the gateway about one of them now."""
