"""The responder's SQL role: what it may see, what it may not, what it may end, and what a server of others says to it."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.errors import InsufficientPrivilege, QueryCanceled, ReadOnlySqlTransaction

from service.kernel.clock import utc_now
from service.kernel.db import Database
from service.kernel.ids import Ids
from service.parts import METADATA
from service.responder.flow import dsn_of, ensure
from service.responder.rules import FUNCTIONS, READABLE
from service.telemetry.registry import Telemetry
from tests.cli.running import cubano, environment, read

# What says who somebody is, what somebody wrote, or opens something.
PERSONAL = {
    *("email", "name", "names", "note", "detail", "memo", "reason", "resolution", "last_error", "payload", "request"),
    *("request_sealed", "sealed", "wrapped_key", "key_id", "secret_hash", "password_hash", "totp_sealed", "token_hash"),
    *(
        "before",
        "after",
        "ip",
        "user_agent",
        "actor_name",
        "code",
        "checkout_url",
        "checkout_ref",
        "settings",
        "number",
    ),
    *("email_sealed", "name_sealed", "email_digest", "requester_name", "decider_name", "decision_note", "csrf", "line"),
    *("set_by", "added_by", "closed_by", "resolved_by", "fingerprint", "subject_sealed", "oidc_subject", "key"),
}
WORDS = {"controls": {"name"}, "control_history": {"name"}, "refunds": {"reason"}, "disputes": {"reason"}}  # of ours
CLOSED = (
    "order_customers",
    "staff_members",
    "staff_sessions",
    "staff_recovery_codes",
    "sign_in_tries",
    "request_nonces",
)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    telemetry = Telemetry("test", version="0", environment="test")
    database = Database(database_url, clock=utc_now, ids=Ids(utc_now), telemetry=telemetry)
    yield database
    await database.engine.dispose()


@pytest.fixture
async def role(db: Database) -> AsyncIterator[str]:
    """A name that no other test uses: roles belong to the whole server."""
    name = f"responder_{secrets.token_hex(6)}"
    yield name
    async with db.transaction() as session:
        for each in (f"DROP OWNED BY {name}", f"DROP ROLE {name}"):
            if (await session.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :n"), {"n": name})).scalar():
                await (await session.connection()).exec_driver_sql(each)


@pytest.fixture
async def responder(db: Database, role: str, database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with db.transaction() as session:
        made = await ensure(session, role=role)
    async with await psycopg.AsyncConnection.connect(dsn_of(database_url, made), autocommit=True) as connection:
        yield connection


def test_no_column_of_the_list_tells_who_somebody_is():
    """Whoever adds one has to look here."""
    found = {
        (table, each)
        for table, columns in READABLE.items()
        for each in set(columns) & PERSONAL - WORDS.get(table, set())
    }

    assert set() == found
    assert set() == READABLE.keys() & set(CLOSED)


def test_every_column_of_the_list_exists():
    """By the models; what a migration takes away goes from the list too."""
    known = {name: {each.name for each in table.columns} for name, table in METADATA.tables.items()}
    known["alembic_version"] = {"version_num"}

    assert [] == [(table, each) for table, columns in READABLE.items() for each in columns if each not in known[table]]


async def test_it_reads_what_is_listed_and_nothing_else(responder):
    """Every listed column; of every table everything else is refused, and so are those that are nobody's business."""
    for table, columns in READABLE.items():
        await responder.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 1")  # noqa: S608 - our own names
    refused = [
        "SELECT email FROM orders",
        "SELECT * FROM orders",
        "SELECT payload FROM payment_events",
        "SELECT payload FROM outbox",
        "SELECT after FROM audit_trail",
        "SELECT sealed FROM webhook_secrets",
        "SELECT secret_hash FROM api_keys",
        *(f"SELECT 1 FROM {each}" for each in CLOSED),  # noqa: S608 - our own names
        "SELECT rolpassword FROM pg_authid",
    ]
    for each in refused:
        with pytest.raises(InsufficientPrivilege):
            await responder.execute(each)


async def test_it_writes_nothing_but_its_journal(responder):
    """Not even when it says that it wants to write; a line of the journal stays as it is."""
    line = "INSERT INTO runbook_journal (seq, line, hash) VALUES (1, '{}', repeat('a', 64))"
    with pytest.raises(ReadOnlySqlTransaction):
        await responder.execute(line)
    await responder.execute("SET default_transaction_read_only = off")

    await responder.execute(line)
    refused = [
        "UPDATE orders SET status = 'paid'",
        "DELETE FROM payments",
        "INSERT INTO controls SELECT 'sales', 'paused', 'x', 'x', now()",
        "UPDATE runbook_journal SET line = '[]'",
        "DELETE FROM runbook_journal",
        "TRUNCATE runbook_journal",
        "CREATE TABLE mine (id int)",
    ]
    for each in refused:
        with pytest.raises(InsufficientPrivilege):
            await responder.execute(each)

    assert (1, {}) == await (await responder.execute("SELECT seq, line FROM runbook_journal")).fetchone()


async def test_not_even_the_owner_changes_a_line_of_the_journal(db):
    """As with the audit trail."""
    for each in ("UPDATE runbook_journal SET line = '{}'", "DELETE FROM runbook_journal", "TRUNCATE runbook_journal"):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            async with db.transaction() as session:
                await (await session.connection()).exec_driver_sql(each)


@pytest.mark.parametrize(("function", "survives"), [("responder_cancel", True), ("responder_terminate", False)])
async def test_it_ends_a_statement_or_a_session_in_the_transaction_it_has_seen(
    responder, database_url, function, survives
):
    """Of the service too, whose role is a superuser here; never in another transaction, and never its own."""
    async with await psycopg.AsyncConnection.connect(database_url) as victim:
        sleeping = asyncio.create_task(victim.execute("SELECT pg_sleep(60)"))
        query = (
            "SELECT xact_start FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
        )
        pid = victim.info.backend_pid
        while (row := await (await responder.execute(query, [pid])).fetchone()) is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)

        async def signal(of: int, since: object) -> bool:
            return (await (await responder.execute(f"SELECT {function}(%s, %s)", [of, since])).fetchone())[0]

        missed = await signal(pid, "2020-01-01T00:00:00Z")
        own = await (
            await responder.execute("SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        ).fetchone()
        itself = await signal(responder.info.backend_pid, own[0])
        met = await signal(pid, row[0])
        with pytest.raises(QueryCanceled if survives else psycopg.OperationalError):
            await sleeping

        assert (False, False, True) == (missed, itself, met)
        assert survives == (not victim.closed)


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_who_must_not_be_cut_is_not(responder, database_url, function):
    """Whatever the responder asks for: a worker's turn, a migration, and a backup as long as nobody waits for it."""
    since = "SELECT xact_start FROM pg_stat_activity WHERE pid = %s"
    async with (
        await psycopg.AsyncConnection.connect(database_url) as worker,
        await psycopg.AsyncConnection.connect(database_url, application_name="pg_dump") as backup,
        await psycopg.AsyncConnection.connect(database_url) as buyer,
    ):
        await worker.execute("SELECT pg_advisory_xact_lock(7)")
        await backup.execute("LOCK TABLE stock IN ACCESS SHARE MODE")

        async def signal(of: psycopg.AsyncConnection) -> bool:
            row = await (await responder.execute(since, [of.info.backend_pid])).fetchone()
            return (
                await (await responder.execute(f"SELECT {function}(%s, %s)", [of.info.backend_pid, row[0]])).fetchone()
            )[0]

        spared = [await signal(worker), await signal(backup)]
        waiting = asyncio.create_task(buyer.execute("LOCK TABLE stock IN ACCESS EXCLUSIVE MODE"))
        held = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
        while not (await (await responder.execute(held, [buyer.info.backend_pid])).fetchone())[0]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        in_the_way = await signal(backup)
        await backup.close()
        await waiting

    assert ([False, False], True) == (spared, in_the_way)


async def test_what_would_end_any_session_is_taken_from_it(db, role, responder):
    """The server's own functions know nothing of who is spared: what an older release gave is taken back."""
    query = sa.text("SELECT pg_has_role(:who, 'pg_signal_backend', 'MEMBER')")
    async with db.transaction() as session:
        assert not (await session.execute(query, {"who": role})).scalar_one()
        await (await session.connection()).exec_driver_sql(f"GRANT pg_signal_backend TO {role}")
        await ensure(session, role=role)

        assert not (await session.execute(query, {"who": role})).scalar_one()


async def test_only_the_role_may_call_what_ends_sessions(db, role, responder):
    """New functions are everybody's otherwise."""
    query = "SELECT has_function_privilege(:who, :what || '(integer, timestamptz)', 'EXECUTE')"
    async with db.transaction() as session:
        for each in FUNCTIONS:
            assert (await session.execute(sa.text(query), {"who": role, "what": each})).scalar_one()
            assert not (await session.execute(sa.text(query), {"who": "public", "what": each})).scalar_one()


async def test_it_is_limited_and_made_again_without_harm(db, role, database_url):
    """Five seconds a question, six connections; a password stays unless another is given."""
    async with db.transaction() as session:
        made = await ensure(session, role=role, password="a password of mine")
    found = "SELECT rolconnlimit, rolconfig, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = :role"
    async with db.transaction() as session:
        limit, config, *strong = (await session.execute(sa.text(found), {"role": role})).one()
        again = await ensure(session, role=role)

    assert (6, [False, False]) == (limit, strong)
    assert {"statement_timeout=5s", "default_transaction_read_only=on"} <= set(config)
    assert ("a password of mine", True, ()) == (made.password, made.created, made.missing)
    assert (None, False, ()) == (again.password, again.created, again.missing)


async def test_who_may_not_make_it_is_told_what_is_missing(db, role, database_url):
    """An owner without CREATEROLE: the role itself, and every statement after it, in their order."""
    async with db.transaction() as session:
        await (await session.connection()).exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        await (await session.connection()).exec_driver_sql(f"SET LOCAL ROLE {role}")
        made = await ensure(session, role=f"{role}_x", password="never shown")
        await session.rollback()

    assert made.password is None
    assert f"CREATE ROLE {role}_x LOGIN CONNECTION LIMIT 6 PASSWORD '…'" == made.missing[0]
    assert f"GRANT pg_monitor TO {role}_x" in made.missing
    assert f"GRANT SELECT, INSERT ON runbook_journal TO {role}_x" in made.missing
    assert "never shown" not in str(made)


def test_the_command_prints_the_password_once(database_url, role):
    """A random one at first; after that only where it stands, until a new one is wanted."""
    env = environment(database_url)
    words = ("db", "responder", "--role", role, "--json")

    first, second = read(cubano(env, *words)), read(cubano(env, *words))
    third = read(cubano(env, *words, "--new-password"))
    shown = cubano(env | {"CUBANO_RESPONDER_PASSWORD": "of-mine"}, "db", "responder", "--role", role)

    assert (True, False, []) == (first["created"], second["created"], first["missing"])
    with psycopg.connect(shown.stdout.partition("=")[2].strip()):
        pass
    assert f"//{role}@" in second["databaseUrl"]  # neither a password of its own nor the owner's
    assert first["databaseUrl"] != third["databaseUrl"]
    assert f"CUBANO_RESPOND_DATABASE_URL=postgresql://{role}:of-mine@" in shown.stdout
    assert 2 == cubano(env, "db", "responder", "--role", "x; DROP").exit_code
