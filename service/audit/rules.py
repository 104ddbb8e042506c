"""What an entry of the trail says, and the hash that ties it to the one before.

The hash is SHA-256 over a JSON list of all fields and the previous hash, written so that PostgreSQL's `json_build_array`
writes the same bytes: the database can check a chain without us, and we without trusting it. An entry that is changed,
taken out or put in breaks the chain at its place; a chain that was cut short is found by a hash that was kept elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from service.telemetry.redaction import redact

START = "0" * 64  # what stands before the first entry
MOST_TEXT = 300  # characters of a name, a subject, a user agent: enough to know it again


@dataclass(frozen=True)
class Origin:
    """Where a request came from; empty for what the system does by itself."""

    ip: str = ""
    user_agent: str = ""


class Actor(Protocol):
    """Whoever does something: `access.rules.Principal` is one."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True)
class Entry:
    """One entry as it is hashed; the order of the fields is part of the hash. `before` and `after` are JSON texts."""

    seq: int
    at: str
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    subject: str
    before: str | None
    after: str | None
    ip: str | None
    user_agent: str | None
    trace_id: str | None
    previous: str


def digest(entry: Entry) -> str:
    """The entry's hash, in hexadecimal."""
    return sha256(json.dumps(astuple(entry), ensure_ascii=False).encode()).hexdigest()


def moment(at: datetime) -> str:
    """A time as the trail writes it: UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(text: str) -> str:
    """A text that the database takes and a terminal shows: no control characters, no half characters, not endless."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in whole[:MOST_TEXT])


def facts(values: Mapping[str, Any] | None) -> str | None:
    """What stood before or after, as JSON with sorted names; None when there was nothing.

    What a person typed as a reason is kept for ever here, so secrets and addresses are taken out of it as they are for logs.
    """
    if values is None:
        return None
    text = json.dumps(redact(values), sort_keys=True, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()
