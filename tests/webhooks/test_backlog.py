"""A storm of events is worked off at the pace of one event, however long the queue and the history are."""

import json

from sqlalchemy import event

from service.parts import ON_EVENT, build_parts
from service.webhooks.flow import apply_next

EVENTS = """
    INSERT INTO payment_events
        (provider, event_id, type, subject, livemode, payload, created_at, received_at, due_at, state)
    SELECT 'stripe', 'evt_' || :state || n, 'price.created', 'sub_' || :state || n, false, '{}', now(), now(), now(), :state
    FROM generate_series(1, :count) n
"""


async def test_a_claim_walks_the_index_of_what_is_due(stage):
    """Statistics from before the storm, a long history, a long queue: no sort, and no walk through what is done."""
    await stage.rows("ALTER TABLE payment_events SET (autovacuum_enabled = off)")
    await stage.rows(EVENTS, state="applied", count=20_000)
    await stage.rows("ANALYZE payment_events")
    await stage.rows(EVENTS, state="pending", count=5_000)
    parts = build_parts(stage.settings, "work")
    statements = []
    event.listen(parts.db.engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2:4]))

    await apply_next(parts.db, parts.gateways, ON_EVENT, jitter=0.5)

    claim, values = next(each for each in statements if "SKIP LOCKED" in each[0])
    async with parts.db.engine.connect() as connection:
        found = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {claim}", values)
        plan = json.dumps(found.scalar_one())
    await parts.close()
    assert "ix_payment_events_due" in plan
    assert '"Node Type": "Sort"' not in plan
