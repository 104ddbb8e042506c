"""The application as a whole: what it answers when an address is wrong, the database is away, or something breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from tests.checkout.rows import left_behind
from tests.postgres.names import connect, on_server
from tests.stage import Stage

CATALOG = "/api/payment/catalog"
CHECKOUT = "/api/payment/checkout-session"


@asynccontextmanager
async def database_away(dsn: str) -> AsyncIterator[None]:
    """Nobody gets in, and who is in is thrown out."""
    name = dsn.rpartition("/")[2]
    with connect(on_server(dsn, "postgres")) as admin:
        _let_in(admin, name, allow=False)
        try:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            await asyncio.sleep(0.1)
            yield
        finally:
            _let_in(admin, name, allow=True)


def _let_in(admin: psycopg.Connection, name: str, *, allow: bool) -> None:
    admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {str(allow).lower()}".encode())


async def ready(stage: Stage) -> tuple[int, dict[str, bool]]:
    """Status and what each ping says."""
    answer = await stage.client.get("/health/ready")
    return answer.status_code, {ping["name"]: ping["ok"] for ping in answer.json()["pings"]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allow"),
    [
        ("GET", "/api/", 404, "not_found", None),
        ("GET", "/api/payment", 404, "not_found", None),
        ("GET", "/api/payment/nothing", 404, "not_found", None),
        ("POST", "/api/payment/nothing", 404, "not_found", None),
        ("GET", "/api/payment/order", 404, "not_found", None),
        ("GET", "/api/payment/order/a/b", 404, "not_found", None),
        ("GET", "/api/payment/%2e%2e/%2e%2e/etc/passwd", 404, "not_found", None),
        ("GET", CHECKOUT, 405, "method_not_allowed", "POST"),
        ("PUT", CHECKOUT, 405, "method_not_allowed", "POST"),
        ("DELETE", CATALOG, 405, "method_not_allowed", "GET"),
        ("POST", "/api/payment/order/ord_x", 405, "method_not_allowed", "GET"),
        ("PATCH", CATALOG, 405, "method_not_allowed", "GET"),
    ],
)
async def test_a_wrong_address_is_a_problem_document(stage, method, path, status, code, allow):
    """Under /api programs read, so also these are application/problem+json, with what is allowed instead."""
    answer = await stage.client.request(method, path)

    problem = answer.json()
    assert (status, code, status) == (answer.status_code, problem["code"], problem["status"])
    assert "application/problem+json" == answer.headers["content-type"]
    assert 32 == len(problem["traceId"])
    assert allow is None or allow in answer.headers["allow"]


async def test_something_unforeseen_is_a_500_that_tells_nothing_of_the_inside(stage):
    """A table is gone: the statement is in the log, the caller gets the trace to ask us with."""
    await stage.rows("ALTER TABLE stock RENAME TO lost")

    answer = await stage.client.get(CATALOG)

    problem = answer.json()
    assert (500, "internal_error") == (answer.status_code, problem["code"])
    assert "application/problem+json" == answer.headers["content-type"]
    assert {"type", "title", "status", "detail", "code", "traceId"} == problem.keys()
    assert not any(word in answer.text.lower() for word in ("stock", "select", "psycopg", "traceback"))


async def test_without_its_database_everything_is_told_to_come_again(stage, database_url):
    """503 with Retry-After, nothing half done; alive but not ready; and well again by itself."""
    await stage.checkout()
    before = await left_behind(stage)
    await stage.db.engine.dispose()

    async with database_away(database_url):
        answers = [
            await stage.checkout(),
            await stage.client.get(CATALOG),
            await stage.checkout(),
        ]
        away = await ready(stage)
        alive = await stage.client.get("/health/live")
    await stage.until(lambda: _is_ready(stage))

    assert [(503, "database_unavailable")] * 3 == [(each.status_code, each.json()["code"]) for each in answers]
    assert all(each.headers["retry-after"] for each in answers)
    assert not any("127.0.0.1" in each.text or "psycopg" in each.text for each in answers)
    assert (503, {"database": False, "schema": False}) == away
    assert 200 == alive.status_code
    assert before == await left_behind(stage)
    assert 201 == (await stage.checkout()).status_code


async def _is_ready(stage: Stage) -> bool:
    return (await ready(stage))[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE alembic_version SET version_num = '0000'",  # an older schema, or a newer
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ],
)
async def test_a_schema_of_another_build_is_not_ready(stage, change):
    """The ping that failed is named, and what to do."""
    well = await ready(stage)
    await stage.rows(change)

    assert (200, {"database": True, "schema": True}) == well
    assert (503, {"database": True, "schema": False}) == await ready(stage)


async def test_readiness_says_what_to_do_and_hides_the_address(stage, database_url):
    """Anybody may read it, so no host, user or statement stands in it."""
    await stage.rows("UPDATE alembic_version SET version_num = '0000'")
    wrong = await stage.client.get("/health/ready")
    await stage.rows("DROP TABLE alembic_version")
    gone = await stage.client.get("/health/ready")
    await stage.db.engine.dispose()
    async with database_away(database_url):
        away = await stage.client.get("/health/ready")

    assert "cubano db upgrade" in wrong.text
    assert not any(word in gone.text + away.text for word in ("127.0.0.1", "localhost", "SELECT", "psycopg.", "port "))
    assert "no-store" == away.headers["cache-control"]
