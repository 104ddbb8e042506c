"""How a checkout comes to its end at the gateway: captured, closed, or found out by asking."""
