"""The gateways' events as an operator sees and handles them; taking and applying them is `webhooks`."""
