"""Keys for tests, made as an operator would."""

from datetime import timedelta
from typing import Any

from service.access.flow import Made, Wish, add, new_text, revoke, rotate
from service.access.rules import Role, system
from service.kernel.db import Database

DAY = timedelta(days=1)
BY = system("test")


async def give(db: Database, client: str, role: Role = Role.ADMIN, **more: Any) -> Made:
    """A key for a client; `lifetime`, `permissions`, `signs`, `networks`, `environment` may be named."""
    environment = more.pop("environment", "dev")
    wish = Wish(client, role, **{"lifetime": DAY, **more})
    async with db.transaction() as session:
        return await add(session, BY, wish, new_text(session, environment))


async def replace_key(db: Database, client: str, *, overlap: timedelta = timedelta(hours=1)) -> Made:
    async with db.transaction() as session:
        return await rotate(session, BY, client, overlap=overlap, lifetime=DAY)


async def take_back(db: Database, made: Made) -> bool:
    async with db.transaction() as session:
        return await revoke(session, BY, made.key.id)


async def end(db: Database, made: Made) -> None:
    """As if its time had passed."""
    async with db.transaction() as session:
        key = await session.merge(made.key)
        key.expires_at = session.now - timedelta(seconds=1)
        await session.flush()


def bearer(made: Made | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {made if isinstance(made, str) else made.text}"}
