"""One engine a database: the second one changes nothing, also with a state directory of its own."""

import pytest
from click import ClickException

from runbooks.commands.offices import open_office
from runbooks.engine.only import ELSEWHERE, Only


@pytest.fixture
async def first(database_url):
    """The engine that was there before."""
    only = Only(dsn(database_url))
    await only.take(0)
    yield only
    await only.leave()


def dsn(database_url):
    return database_url.replace("+psycopg", "")


async def test_the_second_waits_until_the_first_is_gone(first, database_url):
    """It looks again and again; what it has, it keeps."""
    second = Only(dsn(database_url))
    assert not await second.take(0)
    assert ELSEWHERE == second.elsewhere
    await first.look()
    assert "" == first.elsewhere

    await first.leave()

    assert await second.take(30)
    assert "" == second.elsewhere
    await second.leave()


async def test_the_second_changes_nothing(first, database_url, night):
    """As under the kill switch: it plans and shows, and nothing is approved."""
    second = Only(dsn(database_url))
    await second.take(0)
    night.start()
    night.engine.desk.elsewhere = lambda: second.elsewhere
    night.trust()
    run = await night.alarm()

    assert ELSEWHERE == night.engine.passive()
    assert ("observed", True) == (run.state, ELSEWHERE in run.reason)
    assert [] == night.house.switched
    await second.leave()


async def test_a_command_alone_does_not_begin_beside_a_responder(first, database_url, folder):
    """In another folder, where it has the journal of nobody: it says where to go."""
    environment = {"CUBANO_RESPOND_STATE": str(folder / "other"), "CUBANO_RESPOND_DATABASE_URL": dsn(database_url)}

    with pytest.raises(ClickException, match="Another engine works on this database"):
        async with open_office(environment):
            pass


async def test_without_a_database_everything_goes_on():
    """The engine is wanted most when it is away."""
    only = Only("postgresql://127.0.0.1:1/none")

    assert await only.take()
    await only.look()
    assert "" == only.elsewhere
