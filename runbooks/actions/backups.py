"""Backups: how old the newest is, and whether it can be restored, which nobody knows who has not done it.

A backup is a file of `pg_dump --format=custom` (`*.dump`) in the folder of the settings. The test restores the newest into a
server of its own (`scratch`), counts what is in it, adds up its books, says how long it took, and leaves nothing behind.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from runbooks.actions.scratch import LONGEST_S, can_restore, newest, scratch_server
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args, Domain
from runbooks.engine.registry import Action, Effect, Read, RefusedError, Reversal, Risk, Taken, UnreachableError

SUFFIXES = (".dump",)
RESULT = "restore-test.json"
CHECKS: Mapping[str, str] = {
    "orders": "SELECT count(*)::bigint FROM orders",
    "entries": "SELECT count(*)::bigint FROM journal_entries",
    "off_cents": """
        SELECT coalesce(sum(abs(off)), 0)::bigint
        FROM (SELECT sum(amount_minor) AS off FROM journal_lines GROUP BY entry_seq, amount_currency) AS each
    """,
    "schema": "SELECT max(version_num) FROM alembic_version",
}


async def read_age(world: World, _args: Args) -> Facts:
    """The newest backup."""
    backup = _newest(world)
    if backup is None:
        return {"backups": False, "file": "none"}
    status = backup.stat()
    return {
        "backups": True,
        "file": backup.name,
        "bytes": status.st_size,
        "age_s": round(_age_s(world, status.st_mtime), 1),
    }


async def read_tested(world: World, _args: Args) -> Facts:
    """How the last restore went."""
    path = world.places.state / RESULT
    if not path.is_file():
        return {"tested": False, "ok": False}
    kept: dict[str, Any] = json.loads(path.read_text())
    age_s = round(_age_s(world, kept.pop("at")), 1)
    return {"tested": True, **kept, "age_s": age_s}


async def _plan_test(world: World, _args: Args) -> Effect:
    backup = _newest(world)
    if backup is None:
        raise RefusedError(
            "there is no backup to restore: the folder of backups is empty, or not named in the settings"
        )
    can_restore(Path(world.places.programs) if world.places.programs else None)
    told = f"{backup.name} ({backup.stat().st_size:,} bytes) is restored into a server of its own, looked at, and thrown away"
    return Effect(told, before={"file": backup.name}, after={"restored": backup.name}, facts={"backup.tested.ok": True})


async def _test(world: World, _args: Args, key: str) -> Facts:
    async def act() -> Facts:
        backup = _newest(world)
        if backup is None:
            raise RefusedError("there is no backup to restore")
        facts = await restore(world, backup)
        _keep(world, facts)
        return facts

    return await world.done.once(key, act)


async def restore(world: World, backup: Path) -> dict[str, Any]:
    """Restore it and look; `rto_s` is until the server answers with the data in it."""
    programs = Path(world.places.programs) if world.places.programs else None
    age_s = _backup_age_s(world, backup)
    started = time.monotonic()
    async with scratch_server(programs) as server:
        await server.restore(backup)
        rto_s = time.monotonic() - started
        found = await _look(server.dsn)
    ok = found["off_cents"] == 0 and found["orders"] is not None
    return {"ok": ok, "rto_s": round(rto_s, 1), "file": backup.name, "backup_age_s": round(age_s), **found}


async def _look(dsn: str) -> dict[str, Any]:
    try:
        async with await psycopg.AsyncConnection.connect(dsn, row_factory=dict_row, autocommit=True) as connection:
            found = {}
            for name, statement in CHECKS.items():
                row = await (await connection.execute(statement)).fetchone()
                found[name] = next(iter(row.values())) if row else None
            return found
    except psycopg.Error as error:
        raise RefusedError(f"what was restored does not answer: {error.sqlstate or type(error).__name__}") from error


def _keep(world: World, facts: Mapping[str, Any]) -> None:
    world.places.state.mkdir(parents=True, exist_ok=True)
    path = world.places.state / RESULT
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps({**facts, "at": world.clock().timestamp()}))
    scratch.replace(path)


async def _is_tested(world: World, _args: Args) -> Taken:
    """Done when the newest backup was tried after it was made."""
    backup, path = _newest(world), world.places.state / RESULT
    if backup is None or not path.is_file():
        return Taken.NOT_DONE
    kept = json.loads(path.read_text())
    tried = kept["file"] == backup.name and kept["at"] >= backup.stat().st_mtime
    return Taken.DONE if tried else Taken.NOT_DONE


def made_at(folder: Path) -> float | None:
    """When the newest backup there was made, by the clock; `None` where there is no folder, `OSError` when it cannot be read."""
    backup = newest(folder, SUFFIXES) if folder.is_dir() else None
    return backup.stat().st_mtime if backup is not None else None


def restored_at(state: Path) -> float | None:
    """When a backup was last restored and found whole; `None` as well when the last one was not."""
    path = state / RESULT
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return float(kept["at"]) if kept.get("ok") else None


def _newest(world: World) -> Path | None:
    if not world.places.backups:
        return None
    folder = Path(world.places.backups)
    if not folder.is_dir():
        raise UnreachableError("the folder of backups is not there")
    return newest(folder, SUFFIXES)


def _backup_age_s(world: World, backup: Path) -> float:
    return _age_s(world, backup.stat().st_mtime)


def _age_s(world: World, at: float) -> float:
    return max(world.clock().timestamp() - at, 0.0)


READS = (
    Read(
        "backup.age",
        "The newest backup.",
        {"backups": "there is one", "file": "its name, or none", "bytes": "its size", "age_s": "seconds since it was made"},
        read_age,
    ),
    Read(
        "backup.tested",
        "How the last restore of a backup went.",
        {"tested": "there was one", "ok": "its books summed to zero", "rto_s": "seconds until it answered", "file": "which backup", "age_s": "seconds since then",
         "orders": "in it", "entries": "of its journal", "off_cents": "by which its books were off", "schema": "its version", "backup_age_s": "of the backup then"},
        read_tested,
    ),
)  # fmt: skip
ACTIONS = (
    Action(
        "backup.restore_test",
        "The newest backup is restored into a server of its own, counted, its books added up, and thrown away.",
        Risk.LOW,
        Domain.DATABASE,
        Reversal.HARMLESS,
        _plan_test,
        _test,
        _is_tested,
        timeout_s=LONGEST_S,
    ),
)
