"""The state directory of one local system: who uses it, its development secrets, and starting over.

`State.open(directory)` takes the lock (one system a directory, any number side by side in different ones) and makes
the secrets at the first start, random, readable by this user only. `fresh=True` removes what earlier starts left,
and only in a directory that an earlier start made.
"""

import json
import secrets
import shutil
from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from service.local import cluster
from service.local.keys import with_all_roles
from service.local.lock import Lock, Locked
from service.local.people import Person
from service.local.people import with_all_roles as with_everybody
from service.local.responder import Access

_RECORD = "system.json"
_CONTENTS = ("mail", "emulator", "watch", "respond")  # and "postgres", which may lie elsewhere


class StateBusy(RuntimeError):  # the fact itself
    """Another local system is using the directory; the message names it and the way out."""


class Record(msgspec.Struct):
    """What one start hands to the next: development secrets, worth nothing elsewhere, and the ports it chose."""

    secret_key: str
    stripe_api_key: str
    stripe_webhook_secret: str
    # made up where an older record has none
    vault_key: str = msgspec.field(default_factory=lambda: f"local:{b64encode(secrets.token_bytes(32)).decode()}")
    paypal_client_id: str = msgspec.field(default_factory=lambda: f"local-{secrets.token_hex(8)}")
    paypal_client_secret: str = msgspec.field(default_factory=lambda: secrets.token_hex(24))
    paypal_webhook_id: str = msgspec.field(default_factory=lambda: f"WH-{secrets.token_hex(8).upper()}")
    responder_password: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(24))  # of its SQL role
    ports: dict[str, int] = {}
    api_keys: dict[str, str] = {}  # by role, and the responder's
    staff: list[Person] = []
    responder: Access = msgspec.field(default_factory=Access)


def fresh_record() -> Record:
    """New secrets, no ports, nobody in it."""
    return Record(
        secret_key=secrets.token_urlsafe(48),
        stripe_api_key=f"sk_test_{secrets.token_hex(24)}",
        stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
    )


class State:
    """An opened, locked state directory; close it, or use it as a context manager."""

    def __init__(self, directory: Path, lock: Lock, record: Record) -> None:
        self.directory = directory
        self.record = record
        self._lock = lock

    @classmethod
    def open(cls, directory: Path, *, fresh: bool = False) -> Self:
        """Lock the directory, making it if need be; raises StateBusy when another system runs in it."""
        directory = directory.absolute()
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(0o711)  # the database server may run as another user and has to pass through
        _keep_out_of_git(directory)
        lock = _locked(directory)
        try:
            if fresh and (directory / _RECORD).is_file():
                _start_over(directory)
            return cls(directory, lock, _load(directory))
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def remember_ports(self, ports: dict[str, int]) -> None:
        self.record.ports = dict(ports)
        _save(self.directory, self.record)

    def close(self) -> None:
        """Let others use the directory."""
        self._lock.release()


def _locked(directory: Path) -> Lock:
    lock = Lock(directory / "lock")
    try:
        lock.take()
    except Locked as locked:
        raise StateBusy(
            f"another `cubano up` (process {locked.holder}) is running in {directory}: "
            "end it first, or start beside it with --ports auto --state ANOTHER_DIRECTORY"
        ) from None
    return lock


def _start_over(directory: Path) -> None:
    cluster.forget(directory / "postgres")
    for name in _CONTENTS:
        shutil.rmtree(directory / name, ignore_errors=True)
    (directory / _RECORD).unlink()


def _load(directory: Path) -> Record:
    path = directory / _RECORD
    record = msgspec.json.decode(path.read_bytes(), type=Record) if path.is_file() else fresh_record()
    record.api_keys = with_all_roles(record.api_keys)
    record.staff = with_everybody(record.staff)
    _save(directory, record)
    return record


def _save(directory: Path, record: Record) -> None:
    path = directory / _RECORD
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(msgspec.to_builtins(record), indent=1))
    scratch.replace(path)


def _keep_out_of_git(directory: Path) -> None:
    ignore = directory / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
