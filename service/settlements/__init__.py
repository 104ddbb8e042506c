"""What moved on the gateways' own balances: imported, matched with what is known here, fees and payouts posted."""
