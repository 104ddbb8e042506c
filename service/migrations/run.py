"""Run migrations from code: no ini file, the address of the database is an argument."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.engine import make_url

LOCK_WAIT_MS = 10_000  # a migration that waits longer for a lock stops the whole shop: better to fail and try again
LOOK_S = 0.2  # between two looks whether another deployment has ended
ADVISORY_LOCK = 0x63756261  # "cuba": two deployments do not migrate at the same time


def migrate(database_url: str, *, revision: str = "head", down: bool = False, lock_wait_ms: int = LOCK_WAIT_MS) -> None:
    """Bring the schema to a revision; safe to call from several processes at once."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = {lock_wait_ms}")
        _wait_for_turn(connection)
        try:
            config = _config(connection)
            (command.downgrade if down else command.upgrade)(config, revision)
            connection.commit()
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
            connection.commit()
    engine.dispose()


def _wait_for_turn(connection: Connection) -> None:
    """Until nobody else migrates. It looks again and again: a statement that waits keeps an index from being built."""
    while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})").scalar_one():
        connection.commit()
        time.sleep(LOOK_S)
    connection.commit()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
