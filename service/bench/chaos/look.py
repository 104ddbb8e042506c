"""Read what the verdict needs, from the three sides: the buyers, the database, the stand-in and its mail box."""

import email
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import psycopg.rows

from service.bench.chaos.buyers import Bought
from service.bench.chaos.verdict import Facts
from service.kernel.db import Database
from service.kernel.invariants import Finding, check_snapshot
from service.local.mail.box import Box
from service.parts import INVARIANTS

MOST_DELIVERIES = 1_000_000
_WAITING = """
    SELECT 'event ' || event_id || ' (' || type || ') is ' || state || ': ' || coalesce(last_error, cause, '')
    FROM payment_events WHERE state IN ('pending', 'dead')
    UNION ALL
    SELECT kind || ' ' || key || ' is ' || state || ' after ' || attempts || ' tries: ' || coalesce(last_error, '')
    FROM outbox WHERE state IN ('pending', 'dead')
    UNION ALL
    SELECT 'order ' || id || ' is ' || status FROM orders WHERE status IN ('awaiting_payment', 'processing', 'late_payment')
"""

Rows = list[dict[str, Any]]


class Eyes:
    """Where to look; `ask` is one question to the database."""

    def __init__(self, dsn: str, emulator: str, mails: Path) -> None:
        self._dsn = dsn
        self._emulator = emulator
        self._mails = mails

    def ask(self, query: str) -> Rows:
        with psycopg.connect(self._dsn, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def waiting(self) -> list[str]:
        """What is not at its end yet, in words; empty when everything has come to rest."""
        return [next(iter(row.values())) for row in self.ask(_WAITING)]

    async def facts(self, bought: Sequence[Bought], db: Database, types: Mapping[str, frozenset[str]]) -> Facts:
        """Everything, once; `types` are the events each provider's gateway acts on."""
        async with httpx.AsyncClient(base_url=self._emulator, timeout=60) as client:
            truth = (await client.get("/_emulator/truth")).raise_for_status().json()
            query = {"limit": MOST_DELIVERIES}
            sent = (await client.get("/_emulator/deliveries", params=query)).raise_for_status().json()["deliveries"]
            listening = (await client.get("/_emulator/endpoints")).raise_for_status().json()["endpoints"]
        of = {endpoint["id"]: endpoint.get("provider", "stripe") for endpoint in listening}
        return Facts(
            bought=bought,
            orders={row["id"]: row for row in self.ask("SELECT * FROM orders")},
            payments=self.ask("SELECT * FROM payments"),
            refunds=self.ask("SELECT * FROM refunds"),
            tickets=_counted(self.ask("SELECT order_id, count(*) FROM tickets WHERE status = 'valid' GROUP BY 1")),
            wanted=_counted(self.ask("SELECT order_id, sum(quantity) AS count FROM order_items GROUP BY 1")),
            events={
                (row["provider"], row["event_id"]) for row in self.ask("SELECT provider, event_id FROM payment_events")
            },
            waiting=self.waiting(),
            stock=self.ask("SELECT * FROM stock"),
            findings=await _findings(db),
            truth=truth,
            owed=sorted(
                {
                    (of[each["endpoint"]], each["event"])
                    for each in sent
                    if each["type"] in types.get(of[each["endpoint"]], ())
                }
            ),
            letters=self._letters(),
        )

    def _letters(self) -> Counter[str]:
        """Confirmations by order, from their Message-IDs; one that was sent twice counts once for each."""
        box = Box.open(self._mails)
        raws = (box.source(each.id) or b"" for each in box.newest(limit=MOST_DELIVERIES))
        keys = (str(email.message_from_bytes(raw)["Message-ID"]).strip("<>").partition("@")[0] for raw in raws)
        return Counter(key.removeprefix("confirmation.") for key in keys if key.startswith("confirmation."))


async def _findings(db: Database) -> list[Finding]:
    async with db.transaction() as session:
        return await check_snapshot(session, INVARIANTS)


def _counted(rows: Rows) -> dict[str, int]:
    return {row["order_id"]: int(row["count"]) for row in rows}
