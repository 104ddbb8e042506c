"""The migrations make exactly what the models say, up and down and up again, and two at once do no harm."""

import re
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import service.migrations
from service.migrations.head import HEAD
from service.migrations.run import migrate
from service.parts import METADATA

OURS = "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%'"
# What PostgreSQL itself knows of a schema, one row a fact.
CATALOG = {
    "tables": f"SELECT relname, relkind, reloptions::text FROM pg_class WHERE {OURS}",  # noqa: S608
    "columns": f"""
        SELECT relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
               pg_get_expr(adbin, adrelid)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE {OURS} AND relkind = 'r' AND attnum > 0 AND NOT attisdropped""",  # noqa: S608
    "constraints": f"""
        SELECT relname, conname, contype, convalidated, pg_get_constraintdef(pg_constraint.oid)
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE {OURS}""",  # noqa: S608
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')",
}


def catalog(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(dsn) as connection:
        return {name: sorted(connection.execute(query).fetchall(), key=str) for name, query in CATALOG.items()}


def version(dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


@pytest.fixture
def from_models(clones):
    """The catalog of a database made from the models."""
    with clones.database(migrated=False) as dsn:
        engine = sa.create_engine(sa.make_url(dsn).set(drivername="postgresql+psycopg"))
        METADATA.create_all(engine)
        engine.dispose()
        yield catalog(dsn)


@pytest.mark.parametrize("what", CATALOG)
def test_migrations_make_what_the_models_say(database_url, from_models, what):
    """Tables with their storage options, columns, constraints by name and text, indexes, and whatever else there is."""
    assert from_models[what] == catalog(database_url)[what]


def test_the_comparison_sees_something():
    """An empty catalog would equal another."""
    assert {"orders", "stock", "payment_events", "idempotency_keys"} <= set(METADATA.tables)


def test_down_leaves_nothing_and_up_again_is_the_same(empty_database_url):
    """Each way, from an empty database and back."""
    migrate(empty_database_url)
    first = catalog(empty_database_url)

    migrate(empty_database_url, revision="base", down=True)
    nothing = catalog(empty_database_url)
    migrate(empty_database_url)

    assert {name: [] for name in CATALOG} == nothing
    assert first == catalog(empty_database_url)
    assert [(HEAD,)] == version(empty_database_url)


def test_repeating_changes_nothing(database_url):
    """As every start does."""
    before = catalog(database_url)

    migrate(database_url)

    assert before == catalog(database_url)


def test_two_at_once_migrate_once(empty_database_url):
    """Two deployments wait for each other instead of failing."""
    failed = []

    def run() -> None:
        try:
            migrate(empty_database_url)
        except sa.exc.SQLAlchemyError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert [] == failed
    assert [(HEAD,)] == version(empty_database_url)


def test_no_index_keeps_writers_waiting(empty_database_url):
    """On a table that may be full an index is built beside those who write; from the buyer of our own on."""
    migrate(empty_database_url, revision="0010")
    statements: list[str] = []

    def keep(*told: Any) -> None:
        statements.append(told[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", keep)
    try:
        migrate(empty_database_url)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", keep)

    new = {name for each in statements for name in re.findall(r"CREATE TABLE (\w+)", each)}
    built = [
        (each, table) for each in statements for table in re.findall(r"CREATE (?:UNIQUE )?INDEX .*? ON (\w+)", each)
    ]
    assert "orders" in {table for _, table in built} - new
    assert [] == [each for each, table in built if table not in new and "CONCURRENTLY" not in each]


def test_an_index_that_was_not_finished_is_built_anew(empty_database_url):
    """Somebody's old transaction keeps it from being ready; the next start does it again."""
    migrate(empty_database_url, revision="0010")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_orders_synthetic'::regclass"
    with psycopg.connect(empty_database_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT 1 FROM api_clients")
        with pytest.raises(sa.exc.OperationalError):
            migrate(empty_database_url, lock_wait_ms=300)

    with psycopg.connect(empty_database_url) as connection:
        before = connection.execute(valid).fetchall()
    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        after = connection.execute(valid).fetchall()
    assert ([(False,)], [(True,)]) == (before, after)
    assert [(HEAD,)] == version(empty_database_url)


def test_head_is_the_newest_revision():
    """What readiness asks for is what the migrations end at, and they are one line."""
    config = Config()
    config.set_main_option("script_location", str(Path(service.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")

    scripts = ScriptDirectory.from_config(config)

    assert [HEAD] == scripts.get_heads()
    assert 1 == len(scripts.get_bases())


@pytest.mark.parametrize(("noted", "then"), [(0, 500), (500, 500)])
def test_what_an_old_worker_gave_back_after_the_step_is_added_up_by_the_next(empty_database_url, noted, then):
    """It confirms a refund and does not know the column; whoever knows it has noted it once."""
    migrate(empty_database_url, revision="0002")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET session_replication_role = replica")  # the order does not matter here
        connection.execute(
            """INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at,
                                     updated_at, returned_minor)
               VALUES ('pay_1', 'ord_1', 'stripe', 'succeeded', 900, 'USD', '{}', now(), now(), %s)""",
            [noted],
        )
        connection.execute(
            """INSERT INTO refunds (id, order_id, payment_id, provider, status, amount_minor, amount_currency, reason,
                                    created_at, updated_at)
               VALUES ('ref_1', 'ord_1', 'pay_1', 'stripe', 'succeeded', 500, 'USD', 'x', now(), now())"""
        )

    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        assert [(then,)] == connection.execute("SELECT returned_minor FROM payments").fetchall()


def test_what_the_desk_had_given_away_before_there_were_books_is_no_cash(empty_database_url):
    """The event that paid for it says so; one that waits for a person has paid for nothing."""
    migrate(empty_database_url, revision="0003")
    told = (("1", "complimentary", "applied"), ("2", "cash", "applied"), ("3", "complimentary", "dead"))
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET session_replication_role = replica")  # the orders do not matter here
        for number, method, state in told:
            given = {"payment": f"pay_{number}", "order": f"ord_{number}", "type": f"received.{method}", "state": state}
            connection.execute(
                """INSERT INTO payments (id, order_id, provider, status, amount_minor, amount_currency, request, created_at,
                                         updated_at)
                   VALUES (%(payment)s, %(order)s, 'manual', 'succeeded', 900, 'USD', '{}', now(), now())""",
                given,
            )
            connection.execute(
                """INSERT INTO payment_events (provider, event_id, type, subject, livemode, payload, created_at,
                                               received_at, state, due_at, cause)
                   VALUES ('manual', %(payment)s || '-received-900-USD-', %(type)s, %(order)s, true, '', now(), now(),
                           %(state)s, now(), 'x')""",
                given,
            )

    migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        gifts = connection.execute("SELECT id, gift FROM payments ORDER BY id").fetchall()
    assert [("pay_1", True), ("pay_2", False), ("pay_3", False)] == gifts
