"""Render a letter and hand it to SMTP.

A letter is two templates a language: text (its first line is the subject) and HTML. The Message-ID is made from what the
letter is about, so a letter that is sent again after a crash is the same message to a mail program.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import jinja2
from babel.dates import format_datetime, get_timezone

from service.kernel.money import Money

FESTIVAL = "A Lo Cubano Boulder Fest"
TIME_ZONE = get_timezone("America/Denver")  # where the festival is
TIMEOUT_S = 20  # shorter than the outbox's lease: nobody else sends the same letter meanwhile
TEMPLATES = Path(__file__).parent / "templates"
BABEL = {"en": "en_US", "es": "es_US"}


@dataclass(frozen=True)
class Letter:
    """One rendered letter."""

    to: str
    subject: str
    text: str
    html: str
    message_key: str


class Post:
    """Renders letters and hands them to one SMTP server."""

    def __init__(self, *, smtp_url: str, sender: str, help_email: str) -> None:
        self._smtp = urlsplit(smtp_url)
        self._sender = sender
        self._help_email = help_email
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, letter: str, *, locale: str, to: str, message_key: str, **context: Any) -> Letter:
        """Both forms of a letter; `StrictUndefined` makes a template that asks for too much fail here."""
        filters: dict[str, Any] = {
            "money": lambda amount: _money(amount, locale),
            "when": lambda moment: _when(moment, locale),
        }
        environment = self._templates.overlay()
        environment.filters = {**self._templates.filters, **filters}
        whole = {"festival": FESTIVAL, "help_email": self._help_email, "locale": locale, **context}
        subject, _, text = environment.get_template(f"{letter}.{locale}.txt.j2").render(whole).partition("\n")
        html = environment.get_template(f"{letter}.{locale}.html.j2").render(whole)
        return Letter(to, subject.strip(), text.lstrip("\n"), html, message_key)

    async def send(self, letter: Letter, *, now: datetime) -> None:
        """Hand it over; raises `aiosmtplib.SMTPException` or `OSError` when the server does not take it in time."""
        message = EmailMessage()
        message["Date"] = now
        message["From"] = self._sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        message["Reply-To"] = self._help_email
        message["Message-ID"] = f"<{letter.message_key}@{parseaddr(self._sender)[1].partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        secure = self._smtp.scheme == "smtps"
        async with asyncio.timeout(TIMEOUT_S):  # for the whole dialogue; the library's own limit is for each reply
            await aiosmtplib.send(
                message,
                hostname=self._smtp.hostname,
                port=self._smtp.port or (465 if secure else 25),
                username=unquote(self._smtp.username) if self._smtp.username else None,
                password=unquote(self._smtp.password) if self._smtp.password else None,
                use_tls=secure,
                timeout=TIMEOUT_S,
            )


def _money(amount: Money, locale: str) -> str:
    return amount.format(BABEL[locale])


def _when(moment: datetime, locale: str) -> str:
    return format_datetime(moment, "d MMMM y, HH:mm z", tzinfo=TIME_ZONE, locale=BABEL[locale])
