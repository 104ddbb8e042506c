"""The books of a stretch of days as files that an auditor keeps, reads without us, and checks."""
