"""Runbooks that run: playbooks, the engine that plays them, what it may do, and the drills that prove it.

The control plane. It imports nothing of the service but its telemetry catalogue, keeps its journal on its own disk, and acts
only through the operators' API and a narrow SQL role, so that it still works when the service or the database is what broke.
"""
