"""A mail server on loopback that takes, refuses or is slow, as a test says; what it took can be read."""

import email
import email.policy
from asyncio import get_running_loop, sleep
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Postbox:
    """`answers` are given in turn instead of taking a mail; `wait_s` passes before each answer."""

    url: str = ""
    answers: list[str] = field(default_factory=list)
    wait_s: float = 0
    asked: int = 0
    letters: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.asked += 1
        await sleep(self.wait_s)
        if self.answers:
            return self.answers.pop(0)
        content = envelope.original_content or b""
        self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@asynccontextmanager
async def postbox() -> AsyncIterator[Postbox]:
    box = Postbox()
    server = await get_running_loop().create_server(lambda: SMTP(box, enable_SMTPUTF8=True), "127.0.0.1", 0)
    box.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def parts_of(letter: EmailMessage) -> tuple[str, str]:
    """Text and HTML."""
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()
