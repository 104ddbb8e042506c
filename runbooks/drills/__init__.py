"""Drills: playbooks for faults. Each breaks one thing in a system of its own and proves the alert, the run and the recovery."""
