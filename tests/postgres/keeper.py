"""The database server of one test run, kept by a process of its own: `python -m tests.postgres.keeper FOLDER`.

It does nothing until some test wants a database (a file `wanted` appears). Then it starts an embedded server (or
takes the one in CUBANO_TEST_DATABASE_URL), migrates and seeds a template, and says each in a file: `server`, `template`, or
what went wrong in `failed`. It ends when its standard input closes, so that no way of ending pytest, kill -9 included, leaves a server.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path

from tests.postgres.names import TEMPLATE, child_environment, connect, create_database, drop_database, on_server

_POLL_S = 0.03
_COMMAND_TIMEOUT_S = 120


def keep(folder: Path) -> None:
    """Serve the run that owns `folder`; returns when that run is over."""
    with ExitStack() as at_end:
        at_end.callback(shutil.rmtree, folder, ignore_errors=True)
        if not _wait_until_wanted(folder):
            return
        try:
            server = _server(folder, at_end)
            _announce(folder / "server", server)
            _announce(folder / "template", _template(server, at_end))
        except Exception:  # noqa: BLE001 - whatever it is, the tests that wait must hear of it
            _announce(folder / "failed", traceback.format_exc())
        sys.stdin.read()


def _wait_until_wanted(folder: Path) -> bool:
    while not (folder / "wanted").exists():
        if select.select([sys.stdin], [], [], _POLL_S)[0]:
            return False
    return True


def _server(folder: Path, at_end: ExitStack) -> str:
    given = os.environ.get("CUBANO_TEST_DATABASE_URL")
    if given:
        return given
    from service.local.postgres import EmbeddedPostgres  # noqa: PLC0415 - an idle keeper stays cheap
    from tests.postgres.memory import place  # noqa: PLC0415

    server = EmbeddedPostgres(at_end.enter_context(place(folder)), durable=False)
    at_end.callback(server.stop)
    return server.start()


def _template(server: str, at_end: ExitStack) -> str:
    name = f"{TEMPLATE}_{os.getpid()}"
    with connect(server) as admin:
        drop_database(admin, name)
        create_database(admin, name)
    at_end.callback(_drop, server, name)
    for step in ("upgrade", "seed"):
        _cubano("db", step, database_url=on_server(server, name))
    return name


def _drop(server: str, name: str) -> None:
    with connect(server) as admin:
        drop_database(admin, name)


def _cubano(*words: str, database_url: str) -> None:
    command = [str(Path(sys.executable).with_name("cubano")), *words]
    done = subprocess.run(
        command,
        env=child_environment(database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_COMMAND_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"cubano {' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")


def _announce(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(path)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is pytest's to answer; it then closes our input
    keep(Path(sys.argv[1]))
