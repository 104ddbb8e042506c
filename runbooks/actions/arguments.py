"""What a playbook hands to a read or an act, as values. Arguments are words; what is missing or no number is refused.

A duration is written `45s`, `5m`, `2h` or `1d` at the pace of production, and is shorter in a drill. `lease_s`, `reason`
and `planned` come from the engine: seconds as they are meant, what is written into the trail of the service, and what stood
before and would stand after when the act was planned.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from runbooks.engine.playbook import Args
from runbooks.engine.registry import RefusedError

MOST_REASON = 500  # characters, as the service keeps them
REASON = "runbook"  # for who gives none
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}", re.ASCII)


def word(args: Args, name: str, default: str | None = None) -> str:
    """A name of something: letters, digits and `_.:-`; never anything that means something in a query or an address."""
    found = str(args.get(name) or default or "")
    if not found and default is not None:
        return found
    if not found:
        raise RefusedError(f"{name} is not given")
    if not _NAME.fullmatch(found):
        raise RefusedError(f"{name} is no name: {found[:50]!r}")
    return found


def words(args: Args, name: str) -> str:
    """Several names, with commas."""
    parts = [part.strip() for part in str(args.get(name) or "").split(",") if part.strip()]
    if not parts:
        raise RefusedError(f"{name} is not given")
    return ",".join(word({name: part}, name) for part in parts)


def number(args: Args, name: str, default: int, *, most: int) -> int:
    """A whole number from 1 to `most`."""
    text = str(args.get(name) or default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise RefusedError(f"{name} must be from 1 to {most}, not {text[:20]!r}")
    return int(text)


def seconds(args: Args, name: str, default: str, *, pace: float = 1) -> float:
    """A duration in seconds of the clock on the wall: a drill's are shorter; never less than one."""
    text = str(args.get(name) or default)
    found = _DURATION.fullmatch(text)
    if found is None:
        raise RefusedError(f"{name} must be a duration such as 30s or 5m, not {text[:20]!r}")
    return max(int(found[1]) * _UNITS[found[2]] / pace, 1.0)


def lease(args: Args, *, longest_s: int) -> int:
    """For how many seconds; what would last longer is refused, not cut."""
    if not args.get("lease_s"):
        raise RefusedError("say for how long: this goes back by itself, or not at all")
    text = str(args["lease_s"])
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text, re.ASCII) or not 0 < float(text) <= longest_s:
        raise RefusedError(f"a lease is at most {longest_s} seconds, not {text[:20]}")
    return max(round(float(text)), 1)


def reason(args: Args) -> str:
    """Why, in one line; it is kept by the service."""
    return " ".join(str(args.get("reason") or REASON).split())[:MOST_REASON]


def planned(args: Args) -> Mapping[str, Mapping[str, Any]]:
    """`before` and `after` as they were planned and approved; empty where nothing was."""
    return {"before": {}, "after": {}, **json.loads(args.get("planned") or "{}")}


def query(args: Args, *names: str) -> Mapping[str, str]:
    """The named arguments that are given, as they go into a request."""
    return {name: word(args, name) for name in names if args.get(name)}
