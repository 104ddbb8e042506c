"""The scaffolding itself: databases are separate, messes are caught, skips are counted, nothing outlives a run."""

import psycopg
import pytest


def test_database_is_a_migrated_clone(database_url):
    """Each test gets a database with all tables and the sample festival in it."""
    with psycopg.connect(database_url) as connection:
        tables = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    assert {"orders", "payments", "payment_events", "outbox"} <= tables


@pytest.mark.parametrize("round_", [1, 2])
def test_databases_share_nothing(empty_database_url, round_):
    """What one test writes, the next one does not see."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE only_here (number integer)")

        found = connection.execute("SELECT count(*) FROM only_here").fetchone()

    assert (0,) == found
