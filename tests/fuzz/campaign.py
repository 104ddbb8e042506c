"""One campaign of generated requests for each role, against a running system over HTTP, and what came of it."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.access.rules import Role
from tests.access.giving import bearer, give
from tests.stage import Stage

HERE = Path(__file__).parent
PHASES = ("examples", "coverage", "fuzzing", "stateful")
WHO = ("nobody", *Role)


@dataclass(frozen=True)
class Size:
    """How much is asked as each role: `examples` an operation in the last phases."""

    examples: int
    phases: Sequence[str] = PHASES
    only: str = "^/(api|health)/"
    limit_s: int = 900


@dataclass(frozen=True)
class Outcome:
    who: str
    cases: int
    seconds: float
    said: str
    failed: bool


async def campaign(stage: Stage, who: str, size: Size, folder: Path) -> Outcome:
    """Ask as this role; Schemathesis runs in a process of its own."""
    report = folder / f"{who}.json"
    started = asyncio.get_running_loop().time()
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", f"{stage.settings.public_url}/openapi.json"),
        *("--url", stage.settings.public_url, "--include-path-regex", size.only, "--phases", ",".join(size.phases)),
        *("--mode", "all", "--max-examples", str(size.examples), "--generation-deterministic"),
        *("--workers", "1", "--no-color", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--warnings", "off", "--report", "json", "--report-json-path", str(report)),
        *await _headers(stage, who),
    ]
    done = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.checks", "PYTHONPATH": str(HERE.parents[1])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(size.limit_s):
            said, _ = await done.communicate()
    finally:
        if done.returncode is None:
            done.kill()
            await done.wait()
    cases = json.loads(report.read_text())["test_cases"]["generated"] if report.exists() else 0
    seconds = asyncio.get_running_loop().time() - started
    return Outcome(who, cases, seconds, said.decode(), done.returncode != 0)


async def _headers(stage: Stage, who: str) -> list[str]:
    if who == "nobody":
        return []
    made = await give(stage.db, f"fuzz {who}", Role(who))
    return ["-H", f"Authorization:{bearer(made)['Authorization']}"]


async def furnish(stage: Stage) -> None:
    """Something of everything to ask about: orders in several states, events dead and applied, a dead message."""
    async with stage.worker():
        checkouts = [(await stage.checkout()).json() for _ in range(3)]
        for each in checkouts[:2]:
            await stage.pay(each)
            await stage.order_in(each, "paid")
    await stage.rows(
        "UPDATE payment_events SET state = 'dead', cause = 'a test' WHERE seq = (SELECT min(seq) FROM payment_events)"
    )
    await stage.rows(
        "UPDATE outbox SET state = 'dead', attempts = 100, done_at = NULL WHERE seq = (SELECT min(seq) FROM outbox)"
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Cases for each role, and in all."""
    lines = [
        f"  {each.who:10} {each.cases:6} cases {each.seconds:6.1f} s{'  FAILED' if each.failed else ''}"
        for each in outcomes
    ]
    return "\n".join([*lines, f"  {'in all':10} {sum(each.cases for each in outcomes):6} cases"])
