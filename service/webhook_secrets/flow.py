"""Add a secret that verifies webhooks, retire one, and let every process know within seconds.

What is accepted are the secrets of the settings and those that were added, each until it is retired; the last one cannot be.
No secret reaches a log, an answer or the audit trail: it is named by the beginning of its hash.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from service.acts.flow import Prepared
from service.acts.rules import Asked, Plan
from service.gateways.base import Capability, Gateway
from service.kernel.data_keys import CannotOpenError, MasterKeys, Wrapped
from service.kernel.db import Database, Session
from service.kernel.errors import NotFound, WrongState
from service.telemetry.logs import get_logger
from service.webhook_secrets.rules import SHOWN, Known, accepted, hash_of, merge
from service.webhook_secrets.tables import WebhookSecret
from service.webhook_secrets.views import AllSecretsView, SecretAsked, SecretsView, SecretView

REFRESH_S = 2.0  # how late a process may be in accepting, or refusing, one
PLACE = "webhook_secrets.sealed"
log = get_logger("webhooks")


def able(gateways: Mapping[str, Gateway]) -> dict[str, Gateway]:
    """The providers whose secrets may be replaced while they run."""
    return {name: each for name, each in gateways.items() if Capability.RUNTIME_SECRETS in each.capabilities}


def find_gateway(gateways: Mapping[str, Gateway], provider: str) -> Gateway:
    """The one of this name; `NotFound`."""
    found = able(gateways).get(provider)
    if found is None:
        raise NotFound
    return found


class Acceptance:
    """What a process hands to its gateways; `refresh` reads the table. While it is away the last known secrets hold."""

    def __init__(self, db: Database, gateways: Mapping[str, Gateway]) -> None:
        self._db = db
        self._gateways = able(gateways)
        self._rows: list[Known] = []
        self._told: frozenset[str] = frozenset()  # hashes of those that cannot be opened

    async def refresh(self) -> None:
        """Read them anew; raises what the database raises, after those whose time is over were taken away."""
        try:
            async with self._db.transaction() as session:
                self._rows = await _rows(session)
        finally:
            now = self._db.clock()
            for name, gateway in self._gateways.items():
                gateway.accept_secrets(accepted(_of(name, gateway, self._rows), now))
        sealed = frozenset(each.hash for each in self._rows if each.origin == "added" and each.text is None)
        for each in sealed - self._told:
            log.error(
                "a webhook secret cannot be opened: its master key is not in the settings", secret_hash=each[:SHOWN]
            )
        self._told = sealed


async def _rows(session: Session, provider: str | None = None) -> list[Known]:
    query = sa.select(WebhookSecret).order_by(WebhookSecret.id)
    if provider is not None:
        query = query.where(WebhookSecret.provider == provider)
    return [_known(session.master_keys, each) for each in (await session.execute(query)).scalars()]


def _known(keys: MasterKeys, row: WebhookSecret) -> Known:
    if row.key_id is None or row.wrapped_key is None or row.sealed is None:
        return Known(row.provider, row.hash, "settings", None, row.retires_at)
    try:
        text: str | None = keys.open(row.id, Wrapped(row.key_id, row.wrapped_key)).open(PLACE, row.sealed).decode()
    except CannotOpenError:
        text = None
    return Known(row.provider, row.hash, "added", text, row.retires_at)


def _of(provider: str, gateway: Gateway, rows: Sequence[Known]) -> list[Known]:
    return merge(provider, gateway.webhook_secrets, [each for each in rows if each.provider == provider])


async def read_all(session: Session, gateways: Mapping[str, Gateway]) -> AllSecretsView:
    """Of every provider, those of the settings first."""
    rows = await _rows(session)
    views = [
        SecretsView(name, [_present(each, session.now) for each in _of(name, gateway, rows)])
        for name, gateway in able(gateways).items()
    ]
    return AllSecretsView(views)


def _present(one: Known, now: datetime) -> SecretView:
    is_readable = one.text is not None
    return SecretView(one.name, one.origin, is_readable and one.stands(now), is_readable, one.retires_at)


async def prepare_add(session: Session, gateway: Gateway, asked: Asked, wish: SecretAsked) -> Prepared:
    """Accept it beside the others, and retire those after a time if that is wished."""
    provider, made = gateway.provider, hash_of(wish.secret)
    known = await _lock(session, gateway)
    standing = [each for each in known if each.stands(session.now) and each.text is not None]
    is_there = any(each.hash == made and each.retires_at is None for each in standing)
    others = [each for each in standing if each.hash != made] if wish.retire_others_after is not None else []
    plan = Plan(
        action="webhook_secret.add",
        subject=provider,
        before={"provider": provider, "accepted": sorted(each.name for each in standing)},
        after={
            "provider": provider,
            "accepts": made[:SHOWN],
            "retires": sorted(each.name for each in others),
            "lease": wish.retire_others_after,
        },
        changes=not is_there or bool(others),
    )

    async def apply() -> None:
        if not is_there:
            is_given = any(each.hash == made and each.origin == "settings" for each in known)
            await _accept(session, provider, asked, None if is_given else wish.secret, made)
        for each in others:
            await _retire(session, each, asked, at=session.now + timedelta(seconds=wish.retire_others_after or 0))

    return Prepared(plan, apply)


async def prepare_retire(session: Session, gateway: Gateway, asked: Asked, name: str) -> Prepared:
    """Refuse it from now on. `NotFound`; `WrongState` for the only one that is left."""
    known = await _lock(session, gateway)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        raise NotFound
    left = [each for each in known if each.text is not None and each.stands(session.now) and each is not found]
    if not left:
        raise WrongState("No other secret would be accepted, and every webhook refused. Add the next one first.")
    plan = Plan(
        action="webhook_secret.retire",
        subject=gateway.provider,
        before={"provider": gateway.provider, "accepted": sorted(each.name for each in (*left, found))},
        after={"provider": gateway.provider, "retires": [found.name]},
        changes=found.stands(session.now),
    )
    return Prepared(plan, partial(_retire, session, found, asked, at=session.now))


async def _lock(session: Session, gateway: Gateway) -> list[Known]:
    """All of a provider; nobody else who asks this way changes them before this transaction ends."""
    name = f"webhook secrets {gateway.provider}"
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))
    return _of(gateway.provider, gateway, await _rows(session, gateway.provider))


async def _accept(session: Session, provider: str, asked: Asked, secret: str | None, made: str) -> None:
    """A new row, sealed; None is a secret of the settings, of which only the retirement is taken back."""
    mine = WebhookSecret.provider == provider, WebhookSecret.hash == made
    await session.execute(sa.delete(WebhookSecret).where(*mine))
    if secret is None:
        return
    row_id = session.ids.new("whs")
    data, wrapped = session.master_keys.create(row_id)
    row = _row(session, provider, made, asked)
    row.id, row.key_id, row.wrapped_key, row.sealed = (
        row_id,
        wrapped.key_id,
        wrapped.data,
        data.seal(PLACE, secret.encode()),
    )
    session.add(row)
    await session.flush()


async def _retire(session: Session, one: Known, asked: Asked, *, at: datetime) -> None:
    """From `at` on, or as early as it was to retire anyway."""
    mine = WebhookSecret.provider == one.provider, WebhookSecret.hash == one.hash
    earlier = sa.func.least(sa.func.coalesce(WebhookSecret.retires_at, at), at)
    changed = sa.update(WebhookSecret).where(*mine).values(retires_at=earlier).returning(WebhookSecret.id)
    if (await session.execute(changed)).scalar_one_or_none() is None:
        row = _row(session, one.provider, one.hash, asked)
        row.retires_at = at
        session.add(row)
        await session.flush()


def _row(session: Session, provider: str, made: str, asked: Asked) -> WebhookSecret:
    return WebhookSecret(
        id=session.ids.new("whs"),
        provider=provider,
        hash=made,
        added_at=session.now,
        added_by=asked.by.name,
        reason=asked.act.reason,
    )


async def rotate(session: Session) -> int:
    """Put every added secret under the first master key; how many were under another. Raises `CannotOpenError`."""
    keys = session.master_keys
    old = sa.select(WebhookSecret).where(WebhookSecret.key_id != keys.first).with_for_update()
    rows = list((await session.execute(old)).scalars())
    for row in rows:
        if row.key_id is not None and row.wrapped_key is not None:
            row.key_id, row.wrapped_key = keys.rewrap(row.id, Wrapped(row.key_id, row.wrapped_key))
    await session.flush()
    return len(rows)
