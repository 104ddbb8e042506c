"""What grows old or ends where nobody looks, as the responder shows it: of a real folder, and of a real host."""

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from runbooks.responder.upkeep import SINCE, Upkeep
from runbooks.settings import Settings
from service.telemetry.registry import Telemetry
from tests.runbooks.tls import host_of

DAY_S = 86_400


@pytest.fixture
def telemetry():
    return Telemetry("respond", version="1", environment="test")


@pytest.fixture
def folders(tmp_path):
    """Of backups, and of the responder's state."""
    for each in ("backups", "state"):
        (tmp_path / each).mkdir()
    return tmp_path / "backups", tmp_path / "state"


def days(telemetry, what):
    """How old it is by the gauge, in days; nothing where none is shown."""
    text = telemetry.render()[0].decode()
    found = re.search(rf'^cubano_backup_timestamp_seconds{{what="{what}"}} (\S+)$', text, re.MULTILINE)
    return None if found is None else round((time.time() - float(found[1])) / DAY_S, 1)


def put(path, text="", *, days_ago=0.0):
    path.write_text(text)
    then = time.time() - days_ago * DAY_S
    os.utime(path, (then, then))


async def test_backups_age_by_what_was_last_done_with_them(telemetry, folders):
    """A fresh system counts from its first look; then the newest file, and the last restore that found it whole."""
    backups, state = folders
    upkeep = Upkeep(Settings(state=state, backups=str(backups)), telemetry)
    shown = []

    def ages():
        shown.append((days(telemetry, "made"), days(telemetry, "restored")))

    await upkeep.look()
    ages()
    put(state / SINCE, days_ago=9)
    await upkeep.look()
    ages()
    put(backups / "old.dump", days_ago=3)
    put(backups / "new.dump", days_ago=2)
    put(backups / "notes.txt")
    put(state / "restore-test.json", json.dumps({"ok": True, "at": time.time() - 4 * DAY_S}))
    await upkeep.look()
    ages()
    put(state / "restore-test.json", json.dumps({"ok": False, "at": time.time()}))
    await upkeep.look()
    ages()

    assert [(0, 0), (9, 9), (2, 4), (2, 9)] == shown


async def test_what_cannot_be_read_keeps_its_moment_or_grows_old(telemetry, folders):
    """A folder that is mounted no more is one without a backup; nobody's words in the result of a restore hide nothing."""
    backups, state = folders
    put(state / SINCE, days_ago=9)
    put(state / "restore-test.json", json.dumps({"ok": True, "at": time.time() - 4 * DAY_S}))
    upkeep = Upkeep(Settings(state=state, backups=str(backups / "away")), telemetry)

    await upkeep.look()
    put(state / "restore-test.json", "no JSON")
    await upkeep.look()

    assert (9, 4) == (days(telemetry, "made"), days(telemetry, "restored"))


async def test_nobody_asked_and_nothing_is_shown(telemetry, folders):
    """Without a folder of backups there is no age of them, and so no alert."""
    await Upkeep(Settings(state=folders[1]), telemetry).look()

    assert (None, None) == (days(telemetry, "made"), days(telemetry, "restored"))
    assert "cubano_certificate_ends_timestamp_seconds{" not in telemetry.render()[0].decode()


@pytest.mark.parametrize("left_days", [20, -1])
async def test_a_certificate_is_read_though_nobody_vouches_for_it(telemetry, tmp_path, left_days):
    """One that has ended is the one to tell of; a host that shows none keeps no other waiting, and shows nothing."""
    ends = (datetime.now(UTC) + timedelta(days=left_days)).replace(microsecond=0)
    async with host_of(tmp_path, ends) as host:
        settings = Settings(state=tmp_path, certificates=f"{host}, localhost:9")
        await Upkeep(settings, telemetry).look()

    shown = re.findall(r"^cubano_certificate_ends\w+{(.*)} (\S+)$", telemetry.render()[0].decode(), re.MULTILINE)
    assert [(f'host="{host}"', ends.timestamp())] == [(labels, float(at)) for labels, at in shown]
