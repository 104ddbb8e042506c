"""The responder of the local system: `cubano respond` with its own settings, and two people who may sign in there.

It is another program: what it needs of the service is a key and a database role, handed to it in its environment.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

PEOPLE: Mapping[str, str] = {"ana": "lead", "luis": "on_call"}  # two, because what is dangerous needs two
PREFIX = "CUBANO_RESPOND_"
FOLDER_OF_STATE = "respond"  # below the state directory: its journal, its people
TOKEN_VARIABLE = "CUBANO_RESPOND_OPERATOR_TOKEN"  # noqa: S105 - the name of a variable


class Access(msgspec.Struct):
    """Development secrets of the responder: what Alertmanager sends, and its people's tokens."""

    token: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(36))
    people: dict[str, str] = msgspec.field(default_factory=lambda: {name: _token() for name in PEOPLE})


def folder(state: Path) -> Path:
    made = state / FOLDER_OF_STATE
    made.mkdir(parents=True, exist_ok=True)
    return made


def backups(state: Path) -> Path:
    """Where `cubano db backup` of this machine writes, and what the responder tries."""
    made = state / "backups"
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


def token_file(state: Path, access: Access) -> Path:
    """Where Alertmanager reads what it sends."""
    path = folder(state) / "alertmanager.token"
    path.touch(mode=0o600)
    path.write_text(access.token)
    return path


def _token() -> str:
    return f"cubano_op_{secrets.token_urlsafe(32)}"
