"""PostgreSQL, looked at and relieved: who is met is decided by rule, shown before, and nobody else is."""

import asyncio
import secrets
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from runbooks.actions.statements import STATEMENTS
from runbooks.actions.world import Places, open_world
from runbooks.engine.journal import Journal
from runbooks.engine.mirror import Mirror, Table
from runbooks.engine.registry import RefusedError, Taken, UnreachableError
from service.responder.rules import grants, make
from tests.postgres.names import connect
from tests.runbooks.actions.conftest import Player

LOCK = "UPDATE stock SET held = held WHERE ticket_type = 'full-pass'"


@pytest.fixture
def role_url(database_url):
    """The database as the role that `cubano db responder` makes; the server keeps roles for all databases."""
    role, database = f"responder_{secrets.token_hex(4)}", urlsplit(database_url).path[1:]
    with connect(database_url) as admin:
        for statement in (make(role, exists=False, verifier="of-a-test"), *grants(role, database)):
            admin.execute(statement)
        parts = urlsplit(database_url)
        yield urlunsplit(parts._replace(netloc=f"{role}:of-a-test@{parts.hostname}:{parts.port}"))
        admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.fixture
async def look(role_url, registry):
    """Over a database alone, with the responder's narrow rights: no service, no monitoring."""
    async with open_world(Places(database_url=role_url, pace=60)) as world:
        yield Player(world, registry)


@asynccontextmanager
async def client(database_url, name):
    async with await psycopg.AsyncConnection.connect(database_url, application_name=name) as connection:
        yield connection
        await connection.rollback() if not connection.closed else None


async def until(check):
    async with asyncio.timeout(30):
        while not (found := await check()):  # noqa: ASYNC110 - it watches a server
            await asyncio.sleep(0.05)
    return found


async def test_every_read_of_the_database_answers(look):
    """Each has its facts on a quiet database, with no Prometheus beside it."""
    names = [
        "db.connections",
        "db.longest_transaction",
        "db.blockers",
        "db.deadlocks",
        "db.size",
        "db.vacuum",
        "db.replication",
    ]
    names += [
        "inbox.depth",
        "inbox.dead",
        "inbox.causes",
        "outbox.depth",
        "outbox.dead",
        "ledger.sum",
        "reconciliation.open",
    ]
    names += ["refunds.stuck", "cases.open", "access.keys"]
    found = {name: await look.read(name) for name in names}

    reachable = await look.read("db.reachable")
    assert (True, True) == (reachable["reachable"], reachable["primary"])
    assert 0 < found["db.connections"]["share"] < 1
    assert (0, 0) == (found["db.blockers"]["blockers"], found["db.blockers"]["waiting"])
    assert found["db.size"]["bytes"] > found["db.size"]["largest_bytes"] > 0
    assert (0, False) == (found["db.replication"]["replicas"], found["db.replication"]["in_recovery"])


async def test_a_database_that_is_down_is_an_answer_of_one_read_and_of_no_other(registry):
    """`db.reachable` says so; the others know nothing; an act refuses to guess."""
    async with open_world(Places(database_url="postgresql://nobody:hidden@127.0.0.1:9/none")) as world:
        player = Player(world, registry)
        reachable = await player.read("db.reachable")
        assert not reachable["reachable"]
        assert "hidden" not in str(reachable)
        for name in ("db.connections", "inbox.dead"):
            with pytest.raises(UnreachableError):
                await player.read(name)
        with pytest.raises(UnreachableError):
            await player.plan("db.terminate")


async def test_who_holds_up_others_is_shown_and_ended(look, database_url):
    """An idle transaction before which a buyer waits: the oldest first, with its process and never its text; then it is gone."""
    async with client(database_url, "forgotten") as holder, client(database_url, "buyer") as buyer:
        await holder.execute(LOCK)
        waiting = asyncio.create_task(buyer.execute(LOCK))

        async def seen():
            blockers = await look.read("db.blockers")
            plan = await look.plan("db.terminate", older_than="1m")  # a second, at this pace
            return blockers["blockers"] and plan.changes and (blockers, plan)

        blockers, plan = await until(seen)
        assert ("forgotten", 1, "idle in transaction") == (blockers["process"], blockers["waiting"], blockers["state"])
        (victim,) = plan.before["sessions"]
        assert ("forgotten", "UPDATE", holder.info.backend_pid) == (
            victim["process"],
            victim["operation"],
            victim["pid"],
        )
        assert "full-pass" not in repr(plan)
        assert "holds up 1" in plan.summary
        longest = await look.read("db.longest_transaction")
        assert ("forgotten", 1) == (longest["process"], longest["blocks"])
        assert longest["age_s"] >= 60

        done = await look.apply("db.terminate", "t1", older_than="1m")
        await waiting
        again = await look.apply("db.terminate", "t1", older_than="1m")

        assert {"met": 1, "ended": 1, "spared": 0} == done == again
        with pytest.raises(psycopg.OperationalError):
            await holder.execute("SELECT 1")
        assert Taken.DONE == await look.observe("db.terminate", older_than="1h")


async def test_only_who_was_planned_is_met(look, database_url):
    """He is gone by now, and another one fits the rule: nobody is ended in his place, and it counts as done."""
    async with client(database_url, "planned") as first, client(database_url, "later") as second:
        await first.execute("SELECT 1")

        async def seen():
            plan = await look.plan("db.terminate", older_than="1m")
            return plan.changes and plan

        plan = await until(seen)
        assert ["planned"] == [each["process"] for each in plan.before["sessions"]]
        assert Taken.NOT_DONE == await look.observe("db.terminate", older_than="1m")
        await second.execute("SELECT 1")
        named = look.planned["db.terminate"]
        with connect(database_url) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (first.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await first.execute("SELECT 1")

        async def next_fits():
            plan = await look.plan("db.terminate", older_than="1m")
            return plan.changes and plan

        await until(next_fits)
        done = await look.apply("db.terminate", "p1", older_than="1m", planned=named)

        assert (0, 0) == (done["met"], done["ended"])
        assert Taken.DONE == await look.observe("db.terminate", older_than="1m", planned=named)
        assert await (await second.execute("SELECT 1")).fetchone()
        with pytest.raises(RefusedError, match="not known when it was planned"):
            await look.apply("db.terminate", "p2", older_than="1m", planned="{}")


async def test_a_statement_is_cancelled_and_its_session_stays(look, database_url):
    """One that works too long in a transaction; the client hears of it and goes on."""
    async with client(database_url, "report") as report:
        running = asyncio.create_task(report.execute("SELECT pg_sleep(60)"))

        async def seen():
            plan = await look.plan("db.cancel", older_than="1m")
            return plan.changes and plan

        plan = await until(seen)
        assert "report" == plan.before["sessions"][0]["process"]
        assert "active" in plan.summary
        done = await look.apply("db.cancel", "c1", older_than="1m")

        assert 1 == done["ended"]
        with pytest.raises(psycopg.errors.QueryCanceled):
            await running
        assert Taken.DONE == await look.observe("db.cancel", older_than="1m")
        await report.rollback()
        assert await (await report.execute("SELECT 1")).fetchone()


async def test_who_waits_now_and_then_is_met_and_who_only_waits_is_not(look, database_url):
    """An import of two locks has worked for two seconds and now waits for its second one; behind it a buyer who only waited."""
    async with (
        client(database_url, "holder") as holder,
        client(database_url, "import") as hog,
        client(database_url, "buyer") as buyer,
    ):
        await holder.execute("SELECT FROM stock WHERE ticket_type = 'party-pass' FOR UPDATE")
        await hog.execute(LOCK)
        await buyer.execute("SET LOCAL application_name = 'buyer'")
        waiting = asyncio.create_task(buyer.execute(LOCK))
        await hog.execute("SELECT pg_sleep(4)")
        stuck = asyncio.create_task(hog.execute("SELECT FROM stock WHERE ticket_type = 'party-pass' FOR UPDATE"))

        async def seen():
            plan = await look.plan("db.cancel", older_than="1m", most="20")
            blockers = await look.read("db.blockers")
            return plan.changes and blockers["waiting"] > 1 and plan

        plan = await until(seen)
        done = await look.apply("db.cancel", "h1", older_than="1m", most="20")

        assert ["import"] == [each["process"] for each in plan.before["sessions"]]
        assert 1 == done["ended"]
        with pytest.raises(psycopg.errors.QueryCanceled):
            await stuck
        await hog.rollback()
        await waiting


async def test_who_must_not_be_cut_is_spared(look, database_url):
    """Who holds an advisory lock (a worker's turn, a migration), a backup in nobody's way, the young, and the idle without a transaction."""
    async with (
        client(database_url, "cubano-work") as worker,
        client(database_url, "pg_dump") as backup,
        client(database_url, "idle"),
    ):
        await worker.execute("SELECT pg_advisory_xact_lock(4711)")
        await backup.execute("SELECT 1")

        async def spared():
            plan = await look.plan("db.terminate", older_than="1m", most="20")
            return plan.facts["spared"] and plan

        plan = await until(spared)
        done = await look.apply("db.terminate", "s1", older_than="1m", most="20")

        assert not plan.changes
        assert [] == plan.before["sessions"]
        assert {"met": 0, "ended": 0, "spared": 1} == done
        for each in (worker, backup):
            await each.execute("SELECT 1")


async def test_arguments_are_never_sentences(look):
    """A duration or a name that is none is refused before anybody is asked."""
    for name, args in (("db.terminate", {"older_than": "1; DROP TABLE orders"}), ("db.cancel", {"most": "1e3"})):
        with pytest.raises(RefusedError):
            await look.plan(name, **args)
    with pytest.raises(RefusedError):
        await look.read("inbox.depth", provider="stripe' OR 'a'='a")


async def test_a_role_without_its_rights_is_told_what_is_missing(registry, role_url, database_url):
    """Refused, with the command that gives them; many questions at once take turns, and all are answered."""
    role = urlsplit(role_url).username
    with connect(database_url) as admin:
        admin.execute(f"REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM {role}")  # noqa: S608 - our own name
    async with open_world(Places(database_url=role_url)) as world:
        play = Player(world, registry)
        with pytest.raises(RefusedError, match="cubano db responder"):
            await play.read("inbox.depth")
        found = await asyncio.gather(*(play.read("db.reachable") for _ in range(12)))
    assert all(each["reachable"] for each in found)


async def test_the_journal_is_mirrored_line_by_line_and_never_rewritten(role_url, database_url, tmp_path):
    """What is missing is written in order, once; a journal that is another is refused; the role can change no line."""
    journal = Journal.open(tmp_path / "one")
    refused: list[str] = []
    mirror = Mirror(journal, Table(role_url))
    for numbers in ((0, 1, 2), (3,), ()):
        for number in numbers:
            journal.append("note", {"number": number}, at=datetime.now(UTC))
        await mirror.catch_up()
    other = Journal.open(tmp_path / "two")
    other.append("note", {"number": 9}, at=datetime.now(UTC))
    await Mirror(other, Table(role_url), differs=refused.append).catch_up()
    journal.close()
    other.close()

    assert ["entries 1 to 4 in the database are not in this journal"] == refused
    with connect(database_url) as admin:
        mirrored = admin.execute("SELECT seq, line ->> 'hash' = hash, line -> 'data' FROM runbook_journal ORDER BY seq")
        assert [(seq, True, {"number": seq - 1}) for seq in (1, 2, 3, 4)] == mirrored.fetchall()
        with pytest.raises(psycopg.errors.RestrictViolation):
            admin.execute("DELETE FROM runbook_journal")
    writes = psycopg.connect(role_url, options="-c default_transaction_read_only=off")
    with writes as role, pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute("UPDATE runbook_journal SET hash = 'x'")


def test_statements_only_ask():
    """What ends a session is a function that is asked for; nothing is written."""
    assert [] == [name for name, text in STATEMENTS.items() if not text.strip().startswith(("SELECT", "WITH"))]
