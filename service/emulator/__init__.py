"""A stand-in for the payment gateway on the wire: the local default, the target of load tests and drills.

It imports nothing of ours, so that a mistake in our own signing, money or parsing cannot agree with itself here.
Objects are kept as the JSON they are answered with; `world.py` holds them, `api.py` serves `/v1`, `page.py` the hosted
pay page, `control.py` the tests' levers. A new endpoint is one row in `routes.py`.
"""
