"""What a release is measured beside: a commit of this repository, laid out beside this tree and run by the same interpreter,
or the report of an earlier gate of this machine.

Without a name it is the anchor, the last release: who compares with the last run only creeps away from it step by step.
"""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.findings import Findings
from loadtests.history import FOLDER, refuse_others
from loadtests.result import Machine

ROOT = Path(__file__).parents[1]
TREES = FOLDER / "trees"
_RUNS_BY = "service/local/cli.py"  # a tree without it is older than `cubano up`
_GIT_S = 60
OR_ELSE = "or say `--alone`: limits, money and alerts are judged then, and nothing is compared"


class NoBaseline(ValueError):  # the fact itself
    """There is nothing to compare with; the message says what to do."""


@dataclass(frozen=True)
class Tree:
    """Another release, laid out."""

    name: str
    commit: str
    path: Path


def identity(root: Path = ROOT) -> tuple[str, bool]:
    """The commit of this tree, and whether it was changed since; both empty where there is no repository."""
    commit = _git(root, "rev-parse", "HEAD") or ""
    return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def anchor(root: Path = ROOT) -> str:
    """The last release; without one the commit before this one. Raises `NoBaseline` where there is neither."""
    commit, dirty = identity(root)
    if not commit:
        raise NoBaseline(
            f"This tree has no history to take a baseline from. Run it in a clone, name a report of this machine "
            f"(`--against report.json`), {OR_ELSE}."
        )
    for ref in ("HEAD",) if dirty else ("HEAD~1",):
        if tag := _git(root, "describe", "--tags", "--abbrev=0", ref):
            return tag
        if _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"):
            return ref
    raise NoBaseline(f"This is the first commit. Name a report of this machine (`--against report.json`), {OR_ELSE}.")


def laid_out(ref: str, root: Path = ROOT, trees: Path = TREES) -> Tree:
    """The tree of a commit, written once. Raises `NoBaseline` when it is not here, or cannot be run."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if not commit:
        raise NoBaseline(
            f"There is no `{ref}` in this repository. Fetch it (`git fetch --tags`), name another (`--against HEAD~1`), {OR_ELSE}."
        )
    path = (trees / commit[:12]).absolute()
    if not path.exists():
        _extract(root, commit, path)
    if not (path / _RUNS_BY).exists():
        raise NoBaseline(f"`{ref}` is older than `cubano up` and cannot be run. Name a younger one, {OR_ELSE}.")
    return Tree(f"{ref} ({commit[:8]})" if not commit.startswith(ref) else commit[:8], commit, path)


def report(path: Path, machine: Machine, *, force: bool = False) -> Findings:
    """An earlier gate's report. Raises `NoBaseline` when it is none, and `OtherMachine` when it is not of this machine.

    Before a system has started nobody knows its PostgreSQL: an empty one is taken for theirs.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Findings)
    except (OSError, msgspec.MsgspecError) as error:
        raise NoBaseline(f"{path} is no report of `cubano load gate --json` ({error}). Name one, {OR_ELSE}.") from error
    if not machine.postgres and found.machine:
        machine = msgspec.structs.replace(machine, postgres=found.machine.postgres)
    refuse_others(machine, found.machine, force=force)
    if not found.rounds.new:
        raise NoBaseline(f"{path} has no rounds to compare with. Name a commit (`--against HEAD~1`), {OR_ELSE}.")
    return found


def _extract(root: Path, commit: str, path: Path) -> None:
    """Under another name first: a tree that stands there is whole."""
    packed = subprocess.run(
        ["git", "-C", str(root), "archive", commit], capture_output=True, timeout=_GIT_S, check=True
    )
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(unfinished, filter="data")
    unfinished.rename(path)


def _git(root: Path, *words: str) -> str | None:
    """What git says, or None when it says no, is not there, or this is no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=_GIT_S, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
