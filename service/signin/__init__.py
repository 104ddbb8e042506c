"""Signing in, step by step, and the pages for it under `/staff`."""
