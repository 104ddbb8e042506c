"""Small real programs for the supervisor to run, and what the tests ask the system about processes."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

_HTTP = """
import http.server, os, signal, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = os.path.exists(sys.argv[2]) if len(sys.argv) > 2 else True
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b'{"pings": [{"name": "database", "ok": %s}]}' % (b'true' if ready else b'false'))
    def log_message(self, *_): pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def python(code: str, *words: object) -> list[str]:
    """The command line that runs this code."""
    return [sys.executable, "-u", "-c", code, *map(str, words)]


def web_server(port: int, gate: Path | None = None) -> list[str]:
    """A server that is ready at once, or as soon as the file `gate` exists."""
    return python(_HTTP, port, *([gate] if gate else []))


def stubborn() -> list[str]:
    """A program that ignores every polite signal."""
    return python(
        "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nprint('up')\ntime.sleep(600)"
    )


def alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except ProcessLookupError:
        return False
    return state not in {"Z", "X"}


def processes_naming(text: str) -> list[int]:
    """Every live process whose command line or working directory contains the text, but ours."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            said = (entry / "cmdline").read_bytes().decode(errors="replace") + str((entry / "cwd").readlink())
        except OSError:
            continue
        if text in said and alive(int(entry.name)):
            found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
