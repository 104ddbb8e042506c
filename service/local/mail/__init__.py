"""The mail sink: takes every mail, delivers none, and shows them on a page.

`python -m service.local.mail --smtp-port … --port … --store FILE`; JSON at /api/messages for tests.
"""
