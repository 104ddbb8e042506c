"""The operators' API of `serve`: questions, and acts that are planned by the API itself.

`plan` sends the act with `dryRun`: what comes back is what really stands there and what would be touched. `act` sends the
same with an idempotency key: however often it is sent under that key, it is one act. Who asks needs ops:read and ops:write.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbooks.actions.wire import Wire
from runbooks.engine.facts import Facts, Value
from runbooks.engine.registry import Effect, UnreachableError

ACT_S = 14.0  # a sweep asks gateways, a search for the truth too
_CONFLICT, _UNAVAILABLE = 409, 503
_IN_FLIGHT, _OVERLOADED = "key_in_flight", "overloaded"
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """One act as a request: where it goes, and what is said besides the reason."""

    method: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)  # it may hold a secret
    reason: str = ""
    timeout_s: float = ACT_S


class Ops:
    """`/api/ops` of one address."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The answer to a question. Who met a full house asks once more: it is full when it is asked most, and for moments."""
        answer = await self._wire.send("GET", f"/api/ops{path}", params=query)
        if answer.status == _UNAVAILABLE and _is_full(answer.read(self._wire.who)):
            answer = await self._wire.send("GET", f"/api/ops{path}", params=query)
        said = self._wire.good(answer)
        if not isinstance(said, dict):
            raise UnreachableError("the operators' API did not answer as it does")
        return said

    async def post(self, path: str, *, timeout_s: float = ACT_S, **body: Any) -> dict[str, Any]:
        """A question that is asked with a body."""
        found: dict[str, Any] = await self._wire.ask("POST", f"/api/ops{path}", json=body, timeout_s=timeout_s)
        return found

    async def plan(self, ask: Ask) -> Told:
        """What it would change; nothing is changed."""
        return await self._send(ask, dry_run=True)

    async def act(self, ask: Ask, key: str) -> Told:
        """Do it; a repetition under the same key answers what was answered before."""
        return await self._send(ask, key=key)

    async def _send(self, ask: Ask, *, key: str = "", dry_run: bool = False) -> Told:
        said = {**ask.body, "reason": ask.reason, "dryRun": dry_run}
        if ask.method == "DELETE":  # it has no body
            how: dict[str, Any] = {"params": {**said, "dryRun": str(dry_run).lower()}}
        else:
            how = {"json": said}
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self._wire.send(
            ask.method, f"/api/ops{ask.path}", headers=headers, timeout_s=ask.timeout_s, **how
        )
        if answer.status == _CONFLICT and answer.read(self._wire.who).get("code") == _IN_FLIGHT:
            raise UnreachableError("the same act is under way; nobody knows its end yet")
        told = self._wire.good(answer)
        if not isinstance(told, dict) or "affects" not in told:
            raise UnreachableError("the operators' API did not answer as it does")
        return told


def _is_full(said: Any) -> bool:
    return isinstance(said, Mapping) and said.get("code") == _OVERLOADED


def effect(told: Told, summary: str, facts: Facts | None = None) -> Effect:
    """What the API says it would change, as the engine keeps it."""
    affects = told["affects"]
    return Effect(
        summary if told["changes"] else f"{summary}: it is so already",
        changes=told["changes"],
        before=told["before"] or {},
        after=told["after"] or {},
        orders=affects["orders"],
        sessions=affects["sessions"],
        events=affects["events"],
        cents={each["currency"]: each["minor"] for each in affects["amounts"]},
        facts=facts or {},
    )


def outcome(told: Told) -> dict[str, Value]:
    """What came of an act."""
    affects = told["affects"]
    counts = {name: affects[name] for name in ("orders", "sessions", "events")}
    return {"changed": told["changes"], **counts}
