"""Silences at Alertmanager, always with an end. Ours carry the mark of the act that made them, so a repetition finds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbooks.actions.wire import Wire

AUTHOR = "cubano respond"
MOST_COMMENT = 600  # characters


@dataclass(frozen=True)
class Silence:
    """What is silenced until when; `matchers` are labels with the value they must have."""

    id: str
    matchers: Mapping[str, str]
    ends_at: datetime
    comment: str
    author: str

    @property
    def is_ours(self) -> bool:
        return self.author == AUTHOR


class Alertmanager:
    """One Alertmanager, by its v2 API."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def ready(self) -> bool:
        """Whether it says that it works."""
        return (await self._wire.send("GET", "/-/ready")).ok

    async def alerts(self) -> list[dict[str, Any]]:
        """What it knows to be firing, silenced ones too."""
        return list(await self._wire.ask("GET", "/api/v2/alerts"))

    async def silences(self) -> list[Silence]:
        """Those in force now or soon."""
        found = await self._wire.ask("GET", "/api/v2/silences")
        return [_read(each) for each in found if each["status"]["state"] != "expired"]

    async def silence(
        self, matchers: Mapping[str, str], *, until: datetime, now: datetime, comment: str, replaces: str = ""
    ) -> str:
        """Silence what has these labels; `replaces` is the id of one whose end moves. Its id."""
        body: dict[str, Any] = {
            "matchers": [_matcher(name, value) for name, value in matchers.items()],
            "startsAt": now.isoformat(),
            "endsAt": until.isoformat(),
            "createdBy": AUTHOR,
            "comment": comment[:MOST_COMMENT],
        }
        if replaces:
            body["id"] = replaces
        said = await self._wire.ask("POST", "/api/v2/silences", json=body)
        return str(said["silenceID"])

    async def end(self, silence_id: str) -> None:
        """No longer silent; one that is over already is left alone."""
        await self._wire.ask("DELETE", f"/api/v2/silence/{silence_id}")


def same(found: Sequence[Silence], matchers: Mapping[str, str]) -> list[Silence]:
    """Ours for exactly these labels."""
    return [each for each in found if each.is_ours and dict(each.matchers) == dict(matchers)]


def longest(found: Sequence[Silence], now: datetime) -> timedelta:
    """How long the one that ends last still lasts."""
    return max((each.ends_at - now for each in found), default=timedelta())


def _matcher(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


def _read(told: Mapping[str, Any]) -> Silence:
    matchers = {each["name"]: each["value"] for each in told["matchers"]}
    ends_at = datetime.fromisoformat(told["endsAt"])
    return Silence(told["id"], matchers, ends_at, told.get("comment", ""), told.get("createdBy", ""))
