"""What the system says about itself: metrics, traces, logs. Imports nothing of ours.

Start at `catalogue` (every metric, once), then `registry.Telemetry` (the object handed to everybody).
"""
