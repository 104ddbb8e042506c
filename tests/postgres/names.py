"""What the keeper and the tests agree on: names, connections, and the environment of `cubano` children in tests."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

TEMPLATE = "cubano_template"
VAULT_KEY = "test:dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdGU="  # whoever works on one test's database seals alike
WITH_STRATEGY = 150_000  # before PostgreSQL 15 there was one way, this one

# Development values: good enough for a child on loopback, worth nothing anywhere else.
SETTINGS: Mapping[str, str] = {
    "CUBANO_ENVIRONMENT": "development",
    "CUBANO_SECRET_KEYS": "test-key-test-key-test-key-test-key-1",
    "CUBANO_VAULT_KEYS": VAULT_KEY,
    "CUBANO_STRIPE_API_KEY": "sk_test_cubano",
    "CUBANO_STRIPE_WEBHOOK_SECRETS": "whsec_cubano_test",
    "CUBANO_STRIPE_BASE_URL": "http://127.0.0.1:9",  # the discard port: a test that needs a gateway says which
}


def on_server(server: str, database: str) -> str:
    """The DSN of `database` on the server that `server` names."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


def child_environment(database_url: str, **more: str) -> dict[str, str]:
    """The whole environment for a `cubano` child: nothing of the developer's own settings leaks in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, **SETTINGS, "CUBANO_DATABASE_URL": database_url, **more}


def connect(server: str) -> psycopg.Connection:
    return psycopg.connect(server, autocommit=True)


def create_database(admin: psycopg.Connection, name: str, *, template: str = "template1") -> None:
    # The files are copied, not written through the log: a third of the time, on a server that is thrown away afterwards.
    strategy = " STRATEGY file_copy" if admin.info.server_version >= WITH_STRATEGY else ""
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}" + strategy)
    admin.execute(made.format(sql.Identifier(name), sql.Identifier(template)))


def drop_database(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
