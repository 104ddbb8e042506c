"""`cubano monitor render` draws each kind of panel from what Prometheus answers, and says plainly when it cannot."""

import json
import math
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from monitoring.cli import monitor
from monitoring.dashboards import pages
from monitoring.render.ask import Span, seconds
from monitoring.render.axes import ruled
from monitoring.render.theme import colours
from monitoring.render.units import Reading, ago, written

LABELS = {
    "provider": "stripe",
    "outcome": "ok",
    "le": "0.5",
    "kind": "mail.confirmation",
    "severity": "critical",
    "slo": "x",
}


class Server(ThreadingHTTPServer):
    """Remembers what it was asked."""

    daemon_threads = False

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer, self.asked = answer, []


class Answering(BaseHTTPRequestHandler):
    """Speaks Prometheus' wire: a wave for a range, one figure for now, two series of everything."""

    server: Server

    def do_GET(self):
        url, server = urlsplit(self.path), self.server
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        server.asked.append((url.path, asked))
        self._send(server.answer(url.path, asked))

    def _send(self, found):
        body = json.dumps(found).encode()
        self.send_response(200 if found["status"] == "success" else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def waves(path, asked):
    match path:
        case "/api/v1/status/config":
            return {"status": "success", "data": {"yaml": "global:\n  scrape_interval: 15s\n"}}
        case "/api/v1/query_exemplars":
            found = [
                {"seriesLabels": {}, "exemplars": [{"timestamp": 0, "value": "0.3", "labels": {"trace_id": "ab"}}]}
            ]
            return {"status": "success", "data": found}
        case "/api/v1/query":
            values = {"value": [float(asked["time"]), "2"]}
            return {"status": "success", "data": {"resultType": "vector", "result": series(values)}}
        case _:
            start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
            moments = [start + place * step for place in range(round((end - start) / step) + 1)]
            values = {"values": [[at, str(1 + math.sin(at / 300))] for at in moments]}
            return {"status": "success", "data": {"resultType": "matrix", "result": series(values)}}


def series(values):
    return [{"metric": {**LABELS, "le": le}, **values} for le in ("0.5", "+Inf")]


def nothing(path, asked):
    found = waves(path, asked)
    if path in {"/api/v1/query", "/api/v1/query_range"}:
        found["data"]["result"] = []
    return found


def refusing(path, asked):
    if path == "/api/v1/status/config":
        return waves(path, asked)
    return {"status": "error", "errorType": "bad_data", "error": "unexpected character"}


@pytest.fixture
def prometheus():
    """`prometheus(waves)` answers so, on a free port, until the test ends."""
    servers = []

    def start(answer):
        server = Server(answer)
        servers.append((server, thread := Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})))
        thread.start()
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def draw(server, dashboard, out, *more):
    url = f"http://127.0.0.1:{server.server_port}"
    return CliRunner().invoke(monitor, ["render", dashboard, "--out", str(out), "--prometheus", url, *more])


def drawings(text):
    """Every SVG of the page, which must be well-formed."""
    return [ET.fromstring(f"<svg{part.partition('</svg>')[0]}</svg>") for part in text.split("<svg")[1:]]  # noqa: S314 - our own


@pytest.mark.parametrize("uid", [page.uid for page in pages()])
@pytest.mark.parametrize(("answer", "width"), [(waves, 1440), (nothing, 390)], ids=["data", "nothing-on-a-phone"])
def test_each_dashboard_is_drawn(uid, answer, width, prometheus, tmp_path):
    """One file without a script or an address in it, that says what it is; without data it says so in each place."""
    result = draw(prometheus(answer), uid, tmp_path / "page.html", "--width", str(width))
    text = (tmp_path / "page.html").read_text()

    assert (0, f"{tmp_path / 'page.html'} is drawn.\n") == (result.exit_code, result.output)
    assert "drawn by cubano monitor render, not Grafana" in text
    assert drawings(text)
    assert not any(word in text for word in ("<script", "http://", "https://", ">nan", "nan "))


def test_windows_and_choices_are_filled_in(prometheus, tmp_path):
    """As Grafana would: at least four scrapes, all that is shown, and what the reader has chosen."""
    server = prometheus(waves)
    draw(server, "payments", tmp_path / "page.html", "--from", "1h", "--var", "provider=stripe")
    queries = [asked["query"] for _, asked in server.asked if "query" in asked]

    assert any('provider=~"stripe"' in query for query in queries)
    assert any("[60s]" in query for query in queries)
    assert any("[3600s]" in query for query in queries)
    assert not any("$" in query.replace("$1", "") for query in queries)


def test_a_picture_is_taken(prometheus, tmp_path, chromium_path, monkeypatch):
    """By the browser of this machine, as wide as asked."""
    monkeypatch.setenv("CHROMIUM_PATH", chromium_path)

    result = draw(prometheus(waves), "oncall", tmp_path / "page.png", "--width", "800")
    head = (tmp_path / "page.png").read_bytes()[:24]

    assert 0 == result.exit_code
    assert (b"\x89PNG", 800) == (head[:4], int.from_bytes(head[16:20], "big"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch", "--out", "x.html"], "There is no dashboard 'nosuch'. There are: database, errors"),
        (["payments", "--out", "x.gif"], "ends in .html or .png"),
        (["payments", "--out", "x.html", "--from", "soon"], "'soon' is no duration"),
        (["payments", "--out", "x.html", "--var", "stripe"], "as in provider=stripe"),
        (["payments", "--out", "x.html", "--prometheus", "http://127.0.0.1:9"], "Prometheus does not answer at"),
    ],
    ids=["dashboard", "file", "duration", "choice", "prometheus"],
)
def test_what_cannot_be_drawn_is_said(arguments, says):
    """In a sentence, with another exit code than 0."""
    result = CliRunner().invoke(monitor, ["render", *arguments])

    assert (True, True) == (result.exit_code != 0, says in result.output)


def test_a_refused_expression_is_shown(prometheus, tmp_path):
    """With Prometheus' own words."""
    result = draw(prometheus(refusing), "payments", tmp_path / "page.html")

    assert 1 == result.exit_code
    assert "Prometheus refuses an expression: unexpected character" in result.output


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "expected"),
    [
        (0.0421, "s", None, "42.1 ms"),
        (0, "s", None, "0 s"),
        (93, "s", None, "1.55 min"),
        (0.9987, "percentunit", 2, "99.87%"),
        (12_345, "short", None, "12.3K"),
        (1234.5, "locale", 2, "1,234.50"),
        (25 * 1024**2, "bytes", 1, "25.0 MiB"),
        (3.25, "ops", None, "3.25/s"),
        (7, "none", 0, "7"),
    ],
)
def test_values_are_written_as_people_read_them(value, unit, decimals, expected):
    """Three digits that tell something, and the unit."""
    assert expected == written(value, unit, decimals)


def test_small_things_are_right():
    """Round figures, colours that end, steps of a clock, thresholds from their value on."""
    steps = [{"value": None, "color": "green"}, {"value": 5, "color": "red"}]
    reading = Reading({"unit": "s", "thresholds": {"steps": steps}})

    assert [0, 2, 4, 6, 8] == ruled(7, 4, "short")
    assert [0, 60, 120, 180] == ruled(170, 4, "s")
    assert 30 == len(colours(["ok"] * 30))
    assert (300.0, 15.0) == ((span := Span.of(1000, 300, points=240, least_s=15)).end - span.start, span.step)
    assert 5400 == seconds("1h30m")
    assert ("3 min ago", "now") == (ago(200), ago(0.2))
    assert reading.colour(5) != reading.colour(4.9)
