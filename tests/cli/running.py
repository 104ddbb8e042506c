"""Run `cubano` in this process with an environment of its own."""

import asyncio
import json
from typing import Any

from click.testing import CliRunner, Result

from service.cli import main
from tests.postgres.names import SETTINGS


def environment(database_url: str, **more: str) -> dict[str, str]:
    return {**SETTINGS, "CUBANO_DATABASE_URL": database_url, **more}


def cubano(env: dict[str, str], *words: str) -> Result:
    """One command; never raises, the exit code is in the result."""
    return CliRunner(env=env).invoke(main, list(words))


async def cubano_beside(env: dict[str, str], *words: str) -> Result:
    """The same beside a running event loop."""
    return await asyncio.to_thread(cubano, env, *words)


def read(result: Result) -> Any:
    return json.loads(result.stdout)
