"""PayPal-Request-Id: the same id does its work once; a repetition is told the first answer again, with 200.

Kept 6 hours for orders and 45 days for captures and refunds, by the stand-in's clock. Only successes are kept: a request
that was refused may be sent again with the same id. Another body under the same id is refused, though the vendor is said
to overlook it: a caller that changes what it repeats has a mistake, and finds it here.
"""

from hashlib import blake2b

from service.emulator.paypal.errors import in_progress, invalid, unprocessable
from service.emulator.wire import Obj
from service.emulator.world import World

ORDERS_S = 6 * 3600
PAYMENTS_S = 45 * 86_400
MAX_LENGTH = 108


class Keys:
    """Which ids are in flight; the kept answers lie in the store."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[str] = set()

    def claim(self, key: str, path: str, body: bytes) -> Obj | None:
        """The kept answer, or None when this request is the first and now holds the id."""
        if len(key) > MAX_LENGTH:
            raise invalid(
                "INVALID_STRING_LENGTH", "PayPal-Request-Id", "The value of a field is either too short or too long"
            )
        name = _name(key, path)
        if name in self._running:
            raise in_progress()
        kept = self._world.store.get("paypal.key", name)
        if kept is not None and kept["created"] > self._world.now() - _lifetime(path):
            if kept["print"] != _print(body):
                raise unprocessable(
                    "DUPLICATE_REQUEST_ID", "The value of PayPal-Request-Id header has already been used"
                )
            answer: Obj = kept["answer"]
            return answer
        self._running.add(name)
        return None

    def release(self, key: str, path: str) -> None:
        self._running.discard(_name(key, path))

    def keep(self, key: str, path: str, body: bytes, answer: Obj) -> None:
        row = {"id": _name(key, path), "created": self._world.now(), "print": _print(body), "answer": answer}
        self._world.store.put("paypal.key", row)


def _name(key: str, path: str) -> str:
    return f"{path} {key}"


def _lifetime(path: str) -> int:
    """What moves money is remembered longer than what only asks for it."""
    return PAYMENTS_S if path.endswith(("/capture", "/refund")) else ORDERS_S


def _print(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()
