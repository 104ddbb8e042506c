"""The engine: reads playbooks, plans, asks for approval, acts within limits, verifies, and writes everything down.

It knows nothing of payments: what may be read and done is a registry that is handed in.
"""
