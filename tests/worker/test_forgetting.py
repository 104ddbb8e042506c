"""Old keys are forgotten in small statements, and the loop goes on while there are more."""

from service.idempotency import flow as idempotency
from tests.stage import Stage

OLD = """INSERT INTO idempotency_keys (scope, key, fingerprint, subject, state, leased_until, created_at)
    SELECT 'checkout', 'old-' || n, 'x', 'ord_' || n, 'done', now(), now() - interval '8 days' FROM generate_series(1, :count) n"""


async def test_keys_are_forgotten_a_batch_at_a_time(stage: Stage):
    """One more than a batch: the first turn says that there is more, the second that there is none."""
    await stage.rows(OLD, count=idempotency.FORGOTTEN_AT_ONCE + 1)
    async with stage.db.transaction() as session:
        counts = [await idempotency.forget_old(session) for _ in range(3)]

    assert [idempotency.FORGOTTEN_AT_ONCE, 1, 0] == counts


async def test_the_worker_turns_until_none_is_left(stage: Stage):
    """Not a batch an hour."""
    await stage.rows(OLD, count=2 * idempotency.FORGOTTEN_AT_ONCE + 1)
    async with stage.worker():
        await stage.until(lambda: _none_left(stage))

    assert [(0,)] == await stage.rows("SELECT count(*) FROM idempotency_keys")


async def _none_left(stage: Stage) -> bool:
    return [(0,)] == await stage.rows("SELECT count(*) FROM idempotency_keys")
