"""The mail sink: what goes in by SMTP comes out on the page and as JSON, and nothing in a mail can reach out."""

import os
import subprocess
import sys
from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

from service.local.ports import free_ports
from tests.local.programs import eventually

_PIXEL = bytes.fromhex("89504e470d0a1a0a")


class Sink:
    """A mail sink as a process."""

    def __init__(self, store) -> None:
        self._store = store
        self.smtp_port, port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self.start()

    def start(self) -> None:
        words = ["--smtp-port", str(self.smtp_port), "--port", str(self._port), "--store", str(self._store)]
        argv = [sys.executable, "-m", "service.local.mail", *words]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env=dict(os.environ))
        assert eventually(self._ready, within_s=30)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=5)

    def clear(self) -> None:
        httpx.delete(f"{self.url}/api/messages", timeout=5)

    async def send(self, mail: EmailMessage) -> None:
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=self.smtp_port)

    def _ready(self) -> bool:
        try:
            return self.get("/health/ready").is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Sink(tmp_path_factory.mktemp("mail") / "mails.sqlite")
    yield made
    made.stop()


@pytest.fixture
def sink(running):
    running.clear()
    return running


def a_mail(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    defaults = {"From": "A Lo Cubano <tickets@alocubano.example>", "To": "ana@example.com", "Subject": "Your passes"}
    for name, value in {**defaults, **headers}.items():
        mail[name] = value
    mail.set_content("Order CUB-1: 2 passes")
    return mail


async def test_mail_comes_out_as_it_went_in(sink):
    """Subject, text and HTML of a multipart mail in UTF-8 arrive whole."""
    mail = a_mail(Subject="¡Tus pases están aquí! — Niño & Muñoz")
    mail.add_alternative("<h1>Gracias, Ana</h1><p>2 passes</p>", subtype="html")

    await sink.send(mail)

    (listed,) = sink.get("/api/messages").json()["messages"]
    opened = sink.get(f"/api/messages/{listed['id']}").json()
    assert "¡Tus pases están aquí! — Niño & Muñoz" == listed["subject"] == opened["subject"]
    assert (["ana@example.com"], "tickets@alocubano.example") == (opened["recipients"], opened["sender"])
    assert "Order CUB-1: 2 passes" == opened["text"].strip()
    assert "<h1>Gracias, Ana</h1><p>2 passes</p>" == opened["html"].strip()
    assert sink.get(f"/messages/{listed['id']}/source").text.startswith("From: A Lo Cubano")


async def test_newest_first_and_by_recipient(sink):
    """The list is newest first; a recipient is a whole address, whatever its case, hidden copies included."""
    await sink.send(a_mail(To="ana@example.com", Subject="first"))
    await sink.send(a_mail(To="diana@example.com", Subject="second"))
    await sink.send(a_mail(To="leo@example.com", Bcc="ANA@example.com", Subject="third"))

    def subjects(query: str) -> list[str]:
        return [mail["subject"] for mail in sink.get(f"/api/messages{query}").json()["messages"]]

    assert ["third", "second", "first"] == subjects("")
    assert ["third", "first"] == subjects("?to=Ana@Example.com")
    assert ["third"] == subjects("?limit=1")
    assert [] == subjects("?to=%25")


async def test_page_shows_list_and_mail(sink):
    """The page lists mails and opens one as HTML in a sandboxed frame, as text and as source; it escapes what they say."""
    mail = a_mail(Subject="<script>alert(1)</script>")
    mail.add_alternative("<p>Gracias</p>", subtype="html")
    await sink.send(mail)
    number = sink.get("/api/messages").json()["messages"][0]["id"]

    listed, opened = sink.get("/").text, sink.get(f"/messages/{number}").text

    assert f'href="/messages/{number}"' in listed
    assert "&lt;script&gt;alert(1)" in listed
    assert "<script>alert(1)" not in listed + opened
    assert f'src="/messages/{number}/html" sandbox="allow-popups' in opened
    assert "Order CUB-1: 2 passes" in sink.get(f"/messages/{number}?view=text").text
    assert "Content-Type: multipart/alternative" in sink.get(f"/messages/{number}?view=source").text


async def test_mail_cannot_reach_out(sink):
    """A mail's HTML runs no script and loads nothing from anywhere; images it brought along are put into it."""
    mail = a_mail()
    mail.add_alternative('<!DOCTYPE html><img src="cid:qr"><img src="https://tracker.example/p.gif">', subtype="html")
    related = mail.get_body(("html",))
    assert isinstance(related, EmailMessage)
    related.add_related(_PIXEL, "image", "png", cid="<qr>")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="passes.pdf")
    await sink.send(mail)
    number = sink.get("/api/messages").json()["messages"][0]["id"]

    shown = sink.get(f"/messages/{number}/html")
    policy = shown.headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox")
    assert "allow-scripts" not in policy
    assert shown.text.startswith('<!DOCTYPE html><base target="_blank"><img')
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in shown.text
    attached = sink.get(f"/api/messages/{number}").json()["attachments"]
    assert [{"filename": "passes.pdf", "contentType": "application/pdf", "size": 4}] == attached


async def test_page_asks_nobody_else(sink):
    """The page's policy and its files name no other host."""
    page = sink.get("/")
    files = [sink.get(path).text for path in ("/page.css", "/page.js")]

    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert [] == [text for text in (page.text, *files) if "https://" in text or "//cdn" in text]


async def test_clear_removes_all(sink):
    """DELETE empties the sink; an old link leads back to the list, and ids are never used again."""
    await sink.send(a_mail())
    number = sink.get("/api/messages").json()["messages"][0]["id"]

    sink.clear()
    await sink.send(a_mail())

    assert [number + 1] == [mail["id"] for mail in sink.get("/api/messages").json()["messages"]]
    assert (302, "/") == ((gone := sink.get(f"/messages/{number}")).status_code, gone.headers["location"])
    assert 404 == sink.get(f"/api/messages/{number}").status_code


async def test_mails_survive_a_restart(sink):
    """The sink keeps what it has over a stop and a start."""
    await sink.send(a_mail(Subject="kept"))

    sink.stop()
    sink.start()

    assert ["kept"] == [mail["subject"] for mail in sink.get("/api/messages").json()["messages"]]


@pytest.mark.parametrize(
    "raw",
    [
        b"no headers at all",
        b"Subject: =?utf-8?q?broken\r\n\r\nbody",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts",
        b"",
    ],
    ids=["no headers", "broken word", "unknown charset", "no parts", "empty"],
)
async def test_odd_mail_is_shown_too(sink, raw):
    """Whatever arrives is kept and every view of it answers."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.smtp_port) as client:
        await client.sendmail("a@example.com", ["b@example.com"], raw)
    number = sink.get("/api/messages").json()["messages"][0]["id"]

    views = [sink.get(f"/messages/{number}?view={view}") for view in ("html", "text", "source", "headers")]

    assert [200] * 4 == [view.status_code for view in views]
    assert sink.get(f"/api/messages/{number}").is_success
