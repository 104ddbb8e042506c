"""Our journal beside the gateways' movements and payouts, day by day: each difference has a type, an age and an owner."""
