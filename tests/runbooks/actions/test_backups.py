"""A backup is one when it has been restored: into a server of its own, counted, its books added up, and thrown away."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbooks.actions.scratch import OWNER, PREFIX, scratch_server, sweep
from runbooks.actions.world import Places, open_world
from runbooks.engine.registry import RefusedError, Taken
from service.cli.backup import make
from service.local.cluster import locate
from tests.local.programs import alive, eventually
from tests.runbooks.actions.conftest import Player


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """Where PostgreSQL's own programs are; for root a place where nobody gets to as well."""
    return locate(tmp_path_factory.mktemp("programs")).programs


def left_behind(pid: int) -> list[Path]:
    """Folders of that process; others may be at it on this machine."""
    found = [folder for place in ("/var/tmp", "/tmp") for folder in Path(place).glob(f"{PREFIX}*")]
    return [folder for folder in found if (folder / OWNER).is_file() and (folder / OWNER).read_text() == str(pid)]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from runbooks.actions.scratch import scratch_server

async def main():
    async with scratch_server(Path(sys.argv[1])):
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_what_a_killed_responder_leaves_the_next_one_removes(programs):
    """Its server still runs; it is stopped and its folder removed, and nobody else's is touched."""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(programs))
    await killed.wait()
    (left,) = left_behind(killed.pid)
    server = int((left / "data" / "postmaster.pid").read_text().splitlines()[0])

    async with scratch_server(programs):
        kept = left_behind(os.getpid())
        await sweep(programs)
        assert kept == left_behind(os.getpid())

    assert [] == left_behind(killed.pid)
    assert eventually(lambda: not alive(server))


async def test_the_newest_backup_is_restored_looked_at_and_thrown_away(
    stage, programs, registry, database_url, tmp_path
):
    """It tells how long that took and what is in it; once a key; nothing is left; a broken file fails the test."""
    folder = tmp_path / "backups"
    made = await asyncio.to_thread(make, database_url, folder, now=datetime(2027, 2, 13, 18, tzinfo=UTC))
    places = Places(programs=str(programs), backups=str(folder), state=tmp_path / "state")
    async with open_world(places) as world:
        play = Player(world, registry)
        age, plan = await play.read("backup.age"), await play.plan("backup.restore_test")
        assert (True, made.name) == (age["backups"], age["file"])
        assert plan.before == {"file": made.name}
        assert not (await play.read("backup.tested"))["tested"]
        assert Taken.NOT_DONE == await play.observe("backup.restore_test")

        done = await play.apply("backup.restore_test", "b1")
        again = await play.apply("backup.restore_test", "b1")

        assert (True, 0, 0, made.name) == (done["ok"], done["orders"], done["off_cents"], done["file"])
        assert done["schema"]
        assert done == again
        assert done["rto_s"]
        assert Taken.DONE == await play.observe("backup.restore_test")
        tested = await play.read("backup.tested")
        assert (True, True, done["schema"]) == (tested["tested"], tested["ok"], tested["schema"])

        (folder / "two.dump").write_bytes(made.read_bytes()[:5000])
        assert Taken.NOT_DONE == await play.observe("backup.restore_test")
        with pytest.raises(RefusedError, match="pg_restore failed"):
            await play.apply("backup.restore_test", "b2")
    assert [] == left_behind(os.getpid())


async def test_without_backups_or_programs_it_says_what_is_missing(registry, tmp_path):
    """No folder, an empty one, programs that are elsewhere."""
    async with open_world(Places(state=tmp_path)) as world:
        assert {"backups": False, "file": "none"} == await Player(world, registry).read("backup.age")
        with pytest.raises(RefusedError, match="no backup"):
            await Player(world, registry).plan("backup.restore_test")
    (tmp_path / "x.dump").write_text("no backup at all")
    async with open_world(Places(programs=str(tmp_path), backups=str(tmp_path), state=tmp_path)) as world:
        with pytest.raises(RefusedError, match="initdb is not here"):
            await Player(world, registry).plan("backup.restore_test")  # nobody is asked to approve it
        with pytest.raises(RefusedError, match="initdb is not here"):
            await Player(world, registry).apply("backup.restore_test", "b3")
    assert [] == left_behind(os.getpid())
