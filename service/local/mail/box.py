"""Received mails, kept in one SQLite file so that they survive a restart.

A mail is stored as the bytes that came over the wire, with its envelope; everything else is read from them on demand.
"""

import base64
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from pathlib import Path

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,  -- one a line, each between line ends, so that a whole address can be matched
    subject TEXT NOT NULL,
    raw BLOB NOT NULL
)
"""
_COLUMNS = "id, received_at, sender, recipients, subject, length(raw)"
_CID = re.compile(r"""cid:([^\s"'<>)]+)""")


class Summary(msgspec.Struct, rename="camel", frozen=True):
    """One line of the list; sender and recipients are the envelope's, size is in bytes."""

    id: int
    received_at: datetime
    sender: str
    recipients: list[str]
    subject: str
    size: int


class Attachment(msgspec.Struct, rename="camel", frozen=True):
    filename: str
    content_type: str
    size: int


class Message(Summary, rename="camel", frozen=True):
    """A mail opened: its headers in order, the parts a reader sees, and what hangs on it."""

    headers: list[tuple[str, str]]
    text: str | None
    html: str | None
    attachments: list[Attachment]


@dataclass(frozen=True)
class Box:
    """Mails in the order they came; ids are never used again, not even after clearing."""

    connection: sqlite3.Connection

    @classmethod
    def open(cls, path: Path) -> "Box":
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a lost mail in a development sink costs nothing
        connection.execute(_SCHEMA)
        return cls(connection)

    def add(self, sender: str, recipients: list[str], raw: bytes) -> Summary:
        subject = str(_parse(raw).get("Subject", "")).strip()  # a long one is folded before its first word
        now = datetime.now(UTC)
        stored = "\n" + "".join(f"{address}\n" for address in recipients)
        row = (now.isoformat(), sender, stored, subject, raw)
        cursor = self.connection.execute(
            "INSERT INTO messages (received_at, sender, recipients, subject, raw) VALUES (?, ?, ?, ?, ?)", row
        )
        return Summary(cursor.lastrowid or 0, now, sender, recipients, subject, len(raw))

    def newest(self, *, recipient: str | None = None, limit: int = 200) -> list[Summary]:
        """Newest first; `recipient` matches a whole address, whatever its case."""
        pattern = "%" if recipient is None else f"%\n{_escaped(recipient)}\n%"
        query = f"SELECT {_COLUMNS} FROM messages WHERE recipients LIKE ? ESCAPE '\\' ORDER BY id DESC LIMIT ?"  # noqa: S608
        return [_summary(row) for row in self.connection.execute(query, (pattern, limit))]

    def find(self, number: int) -> Message | None:
        row = self.connection.execute(f"SELECT {_COLUMNS}, raw FROM messages WHERE id = ?", (number,)).fetchone()  # noqa: S608
        if row is None:
            return None
        *columns, raw = row
        return _opened(_summary(columns), _parse(raw))

    def source(self, number: int) -> bytes | None:
        row = self.connection.execute("SELECT raw FROM messages WHERE id = ?", (number,)).fetchone()
        return bytes(row[0]) if row else None

    def count(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM messages").fetchone()[0])

    def clear(self) -> None:
        self.connection.execute("DELETE FROM messages")


def _summary(row: list[object] | tuple[object, ...]) -> Summary:
    number, received_at, sender, recipients, subject, size = row
    return Summary(
        int(str(number)),
        datetime.fromisoformat(str(received_at)),
        str(sender),
        str(recipients).split(),
        str(subject),
        int(str(size)),
    )


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def _opened(summary: Summary, mail: EmailMessage) -> Message:
    attachments = [_attachment(part) for part in mail.iter_attachments()] if mail.is_multipart() else []
    return Message(
        **{name: getattr(summary, name) for name in Summary.__struct_fields__},
        headers=[(name, str(value)) for name, value in mail.items()],
        text=_body(mail, "plain"),
        html=_with_inline_images(_body(mail, "html"), mail),
        attachments=attachments,
    )


def _attachment(part: MIMEPart) -> Attachment:
    return Attachment(part.get_filename() or "unnamed", part.get_content_type(), len(_payload(part)))


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    charset = part.get_content_charset("utf-8")
    try:
        return _payload(part).decode(charset, errors="replace")
    except LookupError:  # a charset nobody has heard of
        return _payload(part).decode("utf-8", errors="replace")


def _with_inline_images(html: str | None, mail: EmailMessage) -> str | None:
    """Images the HTML names by Content-ID, put into it, so that it can be shown where nothing else is reachable."""
    if html is None:
        return None
    images = dict(_inline_images(mail))
    return _CID.sub(lambda match: images.get(match[1], match[0]), html)


def _inline_images(mail: EmailMessage) -> Iterator[tuple[str, str]]:
    for part in mail.walk():
        if part.get_content_maintype() == "image" and isinstance(part, MIMEPart):
            data = base64.b64encode(_payload(part)).decode()
            yield str(part.get("Content-ID", "")).strip("<> "), f"data:{part.get_content_type()};base64,{data}"


def _payload(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
