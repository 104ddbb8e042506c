"""The payment platform of A Lo Cubano Boulder Fest. `app.py` and `worker.py` are the two roots; start reading there."""

from importlib.metadata import version

__version__ = version("cubano")
