"""Who may use the responder: people with a token of their own, kept as its hash beside the journal.

Not the service's accounts, on purpose: when the service or its database is what broke, its log-in is, too. A session is
a random word in a cookie, kept in memory: a restart signs everybody out, and that is all it does.
"""

import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import msgspec

NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}", re.ASCII)
MARK = "cubano_op_"  # what a secret scanner looks for
SESSION = timedelta(hours=12)  # a shift
MOST_SESSIONS = 200


class Role(StrEnum):
    """What somebody may do here: look, approve, or also be the second of two and break the glass."""

    VIEWER = "viewer"
    ONCALL = "on_call"
    LEAD = "lead"


class UnfitNameError(ValueError):
    """The name is not one, or is taken already."""


class Operator(msgspec.Struct, frozen=True):
    """One person; `token_hash` is SHA-256 of 256 random bits, which needs no salt and no slow hash."""

    name: str
    role: Role
    token_hash: str
    since: datetime

    @property
    def may_act(self) -> bool:
        return self.role is not Role.VIEWER


class Operators:
    """The list on disk; read again when the file has changed, so that a person added by a command may enter at once."""

    def __init__(self, state: Path) -> None:
        self._path = state / "operators.json"
        self._read_at = (0, 0)  # two changes may have one time
        self._all: list[Operator] = []

    @property
    def all(self) -> list[Operator]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return []
        changed = (found.st_mtime_ns, found.st_ino)
        if changed != self._read_at:
            self._all = msgspec.json.decode(self._path.read_bytes(), type=list[Operator])
            self._read_at = changed
        return self._all

    def find(self, token: str) -> Operator | None:
        """Whose token it is."""
        digest = _digest(token)
        return next((each for each in self.all if secrets.compare_digest(each.token_hash, digest)), None)

    def named(self, name: str) -> Operator | None:
        return next((each for each in self.all if each.name == name), None)

    def add(self, name: str, role: Role, now: datetime, *, token: str = "") -> str:
        """The new person's token, told once. `UnfitNameError` for a name that is none or is taken."""
        if NAME.fullmatch(name) is None:
            raise UnfitNameError(f"{name!r} is no name: small letters, digits, dots and dashes, 40 at most")
        if self.named(name) is not None:
            raise UnfitNameError(f"{name} is there already; remove first")
        token = token or MARK + secrets.token_urlsafe(32)
        self._write([*self.all, Operator(name, role, _digest(token), now)])
        return token

    def remove(self, name: str) -> bool:
        """Whether there was somebody of this name; who is signed in is out at the next request."""
        left = [each for each in self.all if each.name != name]
        found = len(left) < len(self.all)
        if found:
            self._write(left)
        return found

    def _write(self, operators: list[Operator]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, delete=False) as file:  # made for its owner alone
            file.write(msgspec.json.format(msgspec.json.encode(operators)))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path)


@dataclass(frozen=True)
class _Session:
    name: str
    token_hash: str  # whoever has another token by now is signed in no more by the old one
    until: datetime


class Sessions:
    """Who is signed in, by the word in their cookie."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators
        self._open: dict[str, _Session] = {}

    def begin(self, operator: Operator, now: datetime) -> str:
        self._open = {word: each for word, each in self._open.items() if each.until > now}
        while len(self._open) >= MOST_SESSIONS:
            self._open.pop(next(iter(self._open)))
        word = secrets.token_urlsafe(32)
        self._open[_digest(word)] = _Session(operator.name, operator.token_hash, now + SESSION)
        return word

    def find(self, word: str, now: datetime) -> Operator | None:
        found = self._open.get(_digest(word))
        if found is None or found.until <= now:
            return None
        operator = self._operators.named(found.name)
        return operator if operator is not None and operator.token_hash == found.token_hash else None

    def end(self, word: str) -> None:
        self._open.pop(_digest(word), None)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
