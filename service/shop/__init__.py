"""What selling needs, in one piece: who sells, to whom it may be sold now, and where an order is seen."""
