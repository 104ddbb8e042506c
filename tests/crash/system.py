"""`serve`, `work` and the gateway's stand-in as processes that can be killed, and a mailbox that counts."""

import asyncio
import email
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.postgres.names import child_environment

ROOT = Path(__file__).parents[2]
SECRET = "whsec_cubano_test"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "service.cli", *words]


@dataclass
class Mailbox:
    """Takes every mail but the first `refusals`; `seen` counts by Message-ID."""

    seen: Counter[str] = field(default_factory=Counter)
    refusals: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        if self.refusals:
            self.refusals -= 1
            return "451 come again later"
        content = envelope.original_content or b""
        self.seen[email.message_from_bytes(content)["Message-ID"]] += 1
        return "250 OK"


@dataclass
class System:
    """The processes of one run. A killed one is gone at once, with everything it had in its hands."""

    environment: dict[str, str]
    folder: Path
    gateway: str
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command(name), env=self.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self, name: str) -> None:
        self.kills[name] += 1
        self.running[name].kill()
        self.running[name].wait()

    def stop(self, name: str) -> int:
        """End it politely; its exit code."""
        self.running[name].send_signal(signal.SIGTERM)
        return self.running[name].wait(15)

    def cubano(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words), env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client, asyncio.timeout(30):
            while True:
                try:
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def system(database_url: str, folder: Path, mailbox: Mailbox) -> AsyncIterator[System]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    gateway, emulator = _emulator(f"{url}/api/payment/webhook")
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    environment = child_environment(
        database_url,
        CUBANO_STRIPE_BASE_URL=gateway,
        CUBANO_PUBLIC_URL=url,
        CUBANO_SERVE_PORT=str(port),
        CUBANO_SERVE_METRICS_PORT="0",
        CUBANO_WORK_METRICS_PORT="0",
        CUBANO_SMTP_URL=f"smtp://127.0.0.1:{smtp.sockets[0].getsockname()[1]}",
    )
    made = System(environment, folder, gateway, url)
    try:
        made.start("serve")
        made.start("work")
        await made.ready()
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
        emulator.terminate()
        emulator.wait(10)
        emulator.stdout.close()
        smtp.close()
        await smtp.wait_closed()


def _emulator(webhook_url: str) -> tuple[str, subprocess.Popen[str]]:
    words = ["emulate", "--port", "0", "--metrics-port", "0", "--webhook-retry-ms", "50", "--webhook-tries", "40"]
    given = ["--api-key", "sk_test_cubano", "--webhook-url", webhook_url, "--webhook-secret", SECRET]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(command(*words, *given), cwd=ROOT, env=kept, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return json.loads(process.stdout.readline())["url"], process
