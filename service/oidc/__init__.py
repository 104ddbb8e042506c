"""Signing in through somebody else: the one OpenID Connect issuer that the settings name."""
