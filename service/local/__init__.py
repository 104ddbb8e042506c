"""The local system: what `cubano up` runs on one machine, for development, tests and drills.

Nothing here runs in production. Every process started here ends with the process that started it,
however that one ends; all state lives below one directory.
"""
