"""PostgreSQL, asked in the few sentences of `STATEMENTS`, and in no other; as a role that may see no customer's data.

Each question has a connection of its own, so that a database which takes no more of them says so, a read-only transaction,
and a time-out at the server. What the server says is told by its code: its sentences may quote data.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from runbooks.actions.statements import STATEMENTS
from runbooks.engine.registry import RefusedError, UnreachableError

NAME = "cubano-respond"  # application_name, by which it spares its own sessions
MOST_ROWS = 1_000
AT_ONCE = 3  # of the few connections the role may have
CONNECT_S = 2
TIMEOUT_S = 3.0
LOCK_MS = 500  # it waits for nobody
Row = dict[str, Any]


class Sql:
    """One database; without a DSN every question is unanswered."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def rows(self, name: str, *, timeout_s: float = TIMEOUT_S, **values: Any) -> list[Row]:
        """What the statement of this name answers, at most MOST_ROWS; `RefusedError` when the role may not ask."""
        if not self._dsn:
            raise UnreachableError("no address of the database is set")
        try:
            async with self._turns, asyncio.timeout(timeout_s + CONNECT_S + 1):
                return await self._ask(STATEMENTS[name], values, timeout_s)
        except TimeoutError as error:
            raise UnreachableError(f"the database did not answer within {timeout_s:g} s") from error
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedTable,
            psycopg.errors.UndefinedFunction,
        ) as error:
            told = f"the responder's role may not ask for {name} ({error.sqlstate}): `cubano db responder` gives it its rights"
            raise RefusedError(told) from error
        except psycopg.errors.QueryCanceled as error:
            raise UnreachableError(f"the database took longer than {timeout_s:g} s for {name}") from error
        except psycopg.Error as error:
            code = error.sqlstate or type(error).__name__
            raise UnreachableError(f"the database does not answer {name}: {code}") from error

    async def one(self, name: str, **values: Any) -> Row:
        """The only row."""
        return (await self.rows(name, **values))[0]

    async def _ask(self, statement: str, values: Mapping[str, Any], timeout_s: float) -> list[Row]:
        limits = {
            "statement_timeout": f"{round(timeout_s * 1000)}",
            "lock_timeout": f"{LOCK_MS}",
            "idle_in_transaction_session_timeout": "10000",
            "default_transaction_read_only": "on",
        }
        options = " ".join(f"-c {name}={value}" for name, value in limits.items())
        async with await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=CONNECT_S,
            application_name=NAME,
            options=options,
        ) as connection:
            found = await connection.execute(statement, values)
            return await found.fetchmany(MOST_ROWS)
