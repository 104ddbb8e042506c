"""Idempotency keys: the first answer to a key is the answer to it for 24 hours of the stand-in's clock.

Same key and parameters replay that answer, even a 500; other parameters or another endpoint are an error; a key whose
first request is still running is a conflict (docs.stripe.com/api/idempotent_requests).
"""

from dataclasses import dataclass
from hashlib import blake2b

from service.emulator.errors import invalid, key_in_use, key_reused
from service.emulator.world import World

KEPT_S = 24 * 3600
MAX_LENGTH = 255


@dataclass(frozen=True)
class Answer:
    """A first answer, kept."""

    status: int
    body: bytes
    request_id: str


class Keys:
    """Which keys are in flight; the kept answers lie in the store."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[str] = set()

    def claim(self, key: str, endpoint: tuple[str, str], body: bytes) -> Answer | None:
        """The kept answer, or None when this request is the first and now holds the key."""
        if len(key) > MAX_LENGTH:
            raise invalid(f"Idempotency keys may be at most {MAX_LENGTH} characters.")
        if key in self._running:
            raise key_in_use(key)
        kept = self._world.store.get("key", key)
        if kept is not None and kept["created"] > self._world.now() - KEPT_S:
            if tuple(kept["endpoint"]) != endpoint:
                raise key_reused(key, endpoint=(kept["endpoint"][1], endpoint[1]))
            if kept["print"] != fingerprint(body):
                raise key_reused(key)
            return Answer(kept["status"], kept["body"].encode(), kept["request_id"])
        self._running.add(key)
        return None

    def release(self, key: str) -> None:
        self._running.discard(key)

    def keep(self, key: str, endpoint: tuple[str, str], body: bytes, answer: Answer) -> None:
        self._world.store.put(
            "key",
            {
                "id": key,
                "created": self._world.now(),
                "endpoint": endpoint,
                "print": fingerprint(body),
                "status": answer.status,
                "body": answer.body.decode(),
                "request_id": answer.request_id,
            },
        )


def fingerprint(body: bytes) -> str:
    """The same for the same parameters in any order."""
    return blake2b(b"&".join(sorted(body.split(b"&"))), digest_size=16).hexdigest()
