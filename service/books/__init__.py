"""What sales, refunds and disputes mean for the books."""
