"""Render a letter and hand it to SMTP.

A letter is two templates a language: text (its first line is the subject) and HTML. The Message-ID is made from what the
letter is about, so a letter that is sent again after a crash is the same message to a mail program.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import jinja2
from babel.dates import format_datetime

from service.kernel.money import Money
from service.mail.rules import festival_zone

FESTIVAL = "A Lo Cubano Boulder Fest"
REPLY_WITHIN_S = 20  # to the connection and to each command
# To the letter itself; RFC 5321 4.5.3.2.6: who gives up earlier sends letters twice that were taken.
TAKEN_WITHIN_S = 600
GOODBYE_WITHIN_S = 1
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
        self._templates = {locale: _environment(locale) for locale in BABEL}  # each keeps what it has compiled

    def render(self, letter: str, *, locale: str, to: str, message_key: str, **context: Any) -> Letter:
        """Both forms of a letter; `StrictUndefined` makes a template that asks for too much fail here."""
        environment = self._templates[locale]
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
        client = _PatientSMTP(
            hostname=self._smtp.hostname,
            port=self._smtp.port or (465 if secure else 25),
            username=unquote(self._smtp.username) if self._smtp.username else None,
            password=unquote(self._smtp.password) if self._smtp.password else None,
            use_tls=secure,
            timeout=REPLY_WITHIN_S,
        )
        try:
            await client.connect()
            await client.send_message(message)
            with suppress(aiosmtplib.SMTPException):  # a server that does not say goodbye has the letter all the same
                await client.quit(timeout=GOODBYE_WITHIN_S)
        finally:
            client.close()  # at once, so that who breaks this off does not wait for a goodbye


def _environment(locale: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = lambda amount: _money(amount, locale)
    environment.filters["when"] = lambda moment: _when(moment, locale)
    return environment


class _PatientSMTP(aiosmtplib.SMTP):
    """Waits for the answer to the letter itself longer than for the others."""

    async def data(self, message: str | bytes, /, *, timeout: object = None) -> aiosmtplib.SMTPResponse:  # noqa: ARG002, ASYNC109 - its form
        return await super().data(message, timeout=TAKEN_WITHIN_S)


def _money(amount: Money, locale: str) -> str:
    return amount.format(BABEL[locale])


def _when(moment: datetime, locale: str) -> str:
    return format_datetime(moment, "d MMMM y, HH:mm z", tzinfo=festival_zone(), locale=BABEL[locale])
