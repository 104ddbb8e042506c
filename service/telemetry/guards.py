"""The metrics of who may do what: staff and their sessions, rate limits, sealed data. Part of the catalogue."""
