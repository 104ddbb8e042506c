"""The inbox: what the gateways tell us, verified at the door, applied by the worker, kept for good."""
