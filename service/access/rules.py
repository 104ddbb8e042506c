"""Order access tokens: made from the order's id and a secret key, so that no table is needed to check one.

They are stored only inside the addresses a buyer comes back to, in `payments.request` and at the gateway. Whoever holds the
token may see the order and nothing else. The first key signs and all keys are accepted, so a key is rotated by putting the
new one in front and removing the old one when its links may die.
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True)
class OrderTokens:
    """HMAC-SHA256 of the order id, 43 URL-safe characters."""

    keys: tuple[str, ...] = field(repr=False)

    def issue(self, order_id: str) -> str:
        return _sign(self.keys[0], order_id)

    def matches(self, order_id: str, token: str) -> bool:
        """Compared in constant time against every key."""
        given = token.encode(errors="replace")  # half a surrogate pair is no token, and no reason to fail
        matches = [hmac.compare_digest(_sign(key, order_id).encode(), given) for key in self.keys]
        return any(matches)  # after all of them, so that time tells nothing of which


def _sign(key: str, order_id: str) -> str:
    digest = hmac.new(key.encode(), b"order-access:" + order_id.encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
