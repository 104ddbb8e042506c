"""One backup of the database into a file that `pg_restore` reads: `pg_dump` with its password in its environment alone.

It is written beside its place and renamed, so that what bears the name of a backup is a whole one, and nobody but its owner
can read it. Whether it can be restored is what `backup.restore_test` of the responder tries.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from service.local.cluster import PostgresError, installed_programs

SUFFIX = ".dump"
LONGEST_S = 3600


class BackupError(Exception):
    """No backup was made; one line says why."""


def make(database_url: str, folder: Path, *, now: datetime) -> Path:
    """The new file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"cubano-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    parts = urlsplit(database_url)
    account, _, where = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    plain = urlunsplit(parts._replace(scheme="postgresql", netloc=f"{user}@{where}" if user else where))
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--file={part}", f"--dbname={plain}"]
    try:
        _run([_program(), *words], password=unquote(password))
    except BackupError:
        part.unlink(missing_ok=True)
        raise
    part.rename(path)
    return path


def forget(folder: Path, *, keep: int) -> list[Path]:
    """Remove all but the newest."""
    found = sorted(folder.glob(f"cubano-*{SUFFIX}"), key=lambda each: each.name, reverse=True)
    for each in found[keep:]:
        each.unlink()
    return found[keep:]


def _program() -> Path | str:
    """Ours is new enough for every server; a machine's own may be too old, and says so."""
    try:
        return installed_programs() / "pg_dump"
    except PostgresError:
        pass
    found = shutil.which("pg_dump")
    if found is None:
        raise BackupError("pg_dump is not here: install PostgreSQL's client programs")
    return found


def _run(argv: Sequence[Path | str], *, password: str) -> None:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BackupError(f"pg_dump took more than {LONGEST_S} s") from None
    if done.returncode:
        raise BackupError((done.stderr.strip().splitlines() or ["pg_dump did not say why"])[-1])
