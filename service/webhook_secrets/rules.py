"""Which secrets are accepted: those of the settings and those that were added, each until it is retired. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

SHOWN = 16  # hexadecimal digits of the hash, by which a secret is named
FEWEST = 16  # characters of a secret; vendors' have more
MOST = 200
PATTERN = r"^[\x21-\x2b\x2d-\x7e]+$"  # visible, and no comma: the settings divide by it
LONGEST_S = 30 * 86_400  # until the others retire; vendors' own time of grace is a day


@dataclass(frozen=True)
class Known:
    """One secret; `text` is None when it cannot be opened, `retires_at` None while nobody has retired it."""

    provider: str
    hash: str
    origin: Literal["settings", "added"]
    text: str | None = field(repr=False)
    retires_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.hash[:SHOWN]

    def stands(self, now: datetime) -> bool:
        return self.retires_at is None or now < self.retires_at


def hash_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def merge(provider: str, given: Sequence[str], added: Iterable[Known]) -> list[Known]:
    """All that are known of a provider, those of the settings first; a row may have retired one of them."""
    rows = {each.hash: each for each in added}
    first = [
        Known(provider, made, "settings", text, row.retires_at if (row := rows.get(made)) else None)
        for text, made in ((each, hash_of(each)) for each in given)
    ]
    seen = {each.hash for each in first}
    return first + [each for each in rows.values() if each.hash not in seen and each.origin == "added"]


def accepted(known: Iterable[Known], now: datetime) -> tuple[str, ...]:
    """The texts that verify a delivery now."""
    return tuple(each.text for each in known if each.text is not None and each.stands(now))
