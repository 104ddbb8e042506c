"""A PostgreSQL server for minutes, in a folder of its own, that nobody else can reach: for trying a backup.

It listens on a socket in that folder and on no address, writes without care for crashes, and is stopped and removed at the
end of the block; what a killed responder left is removed by the next one. PostgreSQL refuses to run as root, so root hands
the folder to `nobody`, in a place where that account gets to.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbooks.engine.registry import RefusedError

PREFIX = "cubano-restore-"
OWNER = "owner"  # file with the number of the process that works in a folder
LONGEST_S = 600.0
STOP_S = 15.0
MOST_QUOTED = 300  # characters of what a program complained of
_TEMPORARY = ("/var/tmp", "/tmp")  # noqa: S108 - short paths, where `nobody` gets to; each run has a folder of its own
_ACCOUNT = "nobody"
_PROGRAMS = ("initdb", "pg_ctl", "createdb", "pg_restore")
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
unix_socket_permissions = 0700
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 10
shared_buffers = 64MB
maintenance_work_mem = 128MB
autovacuum = off
"""


@dataclass(frozen=True)
class Scratch:
    """A running server; `dsn` reaches it from this machine's own account or root."""

    folder: Path
    programs: Path | None

    @property
    def dsn(self) -> str:
        return f"host={self.folder} user=restore dbname=restored"

    async def restore(self, backup: Path) -> None:
        """Into its empty database; `RefusedError` says what the backup lacks."""
        where = ["--host", str(self.folder), "--username", "restore"]
        await self._run("createdb", *where, "restored")
        whole = ["--dbname", "restored", "--no-owner", "--no-privileges", "--exit-on-error", "--jobs", "2"]
        await self._run("pg_restore", *where, *whole, str(backup))

    async def _run(self, program: str, *arguments: str) -> None:
        await run(self.programs, program, *arguments)


def can_restore(programs: Path | None) -> None:
    """`RefusedError` names the program that is not here; asked before a person is."""
    for each in _PROGRAMS:
        _find(programs, each)


@asynccontextmanager
async def scratch_server(programs: Path | None) -> AsyncGenerator[Scratch, None]:
    """A fresh server for the length of the block."""
    await sweep(programs)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
    made = Scratch(folder, programs)
    try:
        (folder / OWNER).write_text(str(os.getpid()))
        _give(folder)
        data = folder / "data"
        plain = (
            "--auth=trust",
            "--username=restore",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        )
        await run(programs, "initdb", f"--pgdata={data}", *plain, as_server=True)
        with (data / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION.format(folder=folder))
        await run(programs, "pg_ctl", "start", "-D", str(data), "-l", str(folder / "log"), "-w", "-s", as_server=True)
        yield made
    finally:
        await _remove(folder, programs)


async def sweep(programs: Path | None) -> None:
    """Stop and remove what was left behind by a responder of this account that is no more."""
    for folder in _place().glob(f"{PREFIX}*"):
        if _is_ours(folder) and not _is_in_use(folder):
            await _remove(folder, programs)


async def run(
    programs: Path | None, program: str, *arguments: str, as_server: bool = False, timeout_s: float = LONGEST_S
) -> None:
    """One of PostgreSQL's own programs; `RefusedError` quotes the end of its complaint."""
    path = _find(programs, program)
    how: dict[str, Any] = _account() if as_server else {}
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE
            if program != "pg_ctl"
            else asyncio.subprocess.DEVNULL,  # its server keeps it open
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd="/",
            start_new_session=True,
            **how,
        )
    except PermissionError as error:
        raise RefusedError(f"{program} may not be run by {how.get('user', 'this account')}") from error
    await _end_of(process, program, timeout_s)


def _find(programs: Path | None, program: str) -> Path:
    path = programs / program if programs else Path(shutil.which(program) or program)
    if not path.is_file():
        raise RefusedError(f"PostgreSQL's {program} is not here: name the folder of its programs in the settings")
    return path


async def _end_of(process: asyncio.subprocess.Process, program: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise RefusedError(f"{program} took more than {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RefusedError(f"{program} failed: {_last_words(said)}")


def _last_words(said: bytes | None) -> str:
    lines = (said or b"").decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else "it did not say why")[:MOST_QUOTED]


async def _remove(folder: Path, programs: Path | None) -> None:
    data = folder / "data"
    if (data / "postmaster.pid").exists():
        with contextlib.suppress(RefusedError):  # it is gone already, or its folder is all that is left
            stop = ("stop", "-D", str(data), "-m", "immediate", "-w", "-s")
            await run(programs, "pg_ctl", *stop, as_server=True, timeout_s=STOP_S)
    shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    return next(Path(each) for each in _TEMPORARY if Path(each).is_dir())


def _account() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(_ACCOUNT)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}


def _give(folder: Path) -> None:
    owner = _account()
    if owner:
        os.chown(folder, owner["user"], owner["group"])


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return not folder.is_symlink() and status.st_uid == _account().get("user", os.geteuid())


def _is_in_use(folder: Path) -> bool:
    owner = folder / OWNER
    if not owner.is_file():  # it may be a moment old
        return time.time() - folder.stat().st_mtime < STOP_S
    try:
        os.kill(int(owner.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def newest(folder: Path, suffixes: Sequence[str]) -> Path | None:
    """The newest file with one of these endings."""
    files = [each for each in folder.iterdir() if each.is_file() and each.suffix in suffixes]
    return max(files, key=lambda each: each.stat().st_mtime, default=None)
