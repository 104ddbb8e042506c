"""Compare a day of the gateways with the books because somebody asks for it."""
