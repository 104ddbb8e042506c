"""A `cubano` that has all its imports already: `python -m tests.docs.standing SOCKET` forks one for each command that knocks.

Whoever runs the script that `standing()` gives gets what the program of that name does, with their own environment, folder,
arguments, input and output, and its exit code; only the start of Python and its imports were done before. The server has neither
threads nor an event loop, so forking it is safe; it ends when its standard input closes.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOST = 1 << 20  # bytes of arguments and environment
_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({address!r})
    said = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(door, [len(said).to_bytes(4, "big")], [0, 1, 2])
    door.sendall(said)
    code = door.recv(1)
sys.exit(code[0] if code else 1)
"""


@contextmanager
def standing(folder: Path) -> Iterator[Path]:
    """The script to run instead of `cubano`."""
    address, program = folder / "door", folder / "cubano"
    program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
    program.chmod(0o700)
    words = [sys.executable, "-m", "tests.docs.standing", str(address)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b"ready\n"
        yield program
        server.stdin.close()


def serve(address: str) -> None:
    """Fork for each knock, until the input closes."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        _warm_up()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for those who answer
        print("ready", flush=True)  # noqa: T201 - who started this waits for it
        while door in select.select([door, sys.stdin], [], [])[0]:
            caller, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                _answer(caller)
            caller.close()


def _warm_up() -> None:
    """Everything is imported, and nothing is connected."""
    from service.app import create_app  # noqa: PLC0415 - the client needs none of this
    from service.settings import load_settings  # noqa: PLC0415
    from service.worker import create_worker  # noqa: PLC0415
    from tests.postgres.names import child_environment  # noqa: PLC0415

    for each in entry_points(group="cubano.commands"):
        each.load()
    settings = load_settings(child_environment("postgresql://nobody@127.0.0.1:9/none"))
    create_app(settings)
    create_worker(settings)


def _answer(caller: socket.socket) -> None:
    """In a process of its own: let another one be `cubano`, and tell how that ended."""
    size, files, _, _ = socket.recv_fds(caller, 4, 3)
    said = b""
    while len(said) < int.from_bytes(size, "big"):
        said += caller.recv(MOST)
    pid = os.fork()
    if pid == 0:
        caller.close()
        _become(files, *json.loads(said))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    caller.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _become(files: list[int], words: list[str], environment: dict[str, str], folder: str) -> None:
    from service.cli import main  # noqa: PLC0415

    for wanted, given in enumerate(files):
        os.dup2(given, wanted)
        os.close(given)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv, sys.modules["__main__"].__package__ = ["cubano", *words], None  # as a script's; usage messages say so
    code: int | str | None = 1
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
