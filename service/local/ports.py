"""Which port each part of the local system listens on, and whether it may.

The defaults are the ones the documentation names; `--ports auto` picks free ones so that several systems run side by
side, and takes the same ones again next time where it can. A busy default is one clear sentence.
"""

import random
import socket
import time
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"

# part -> (default port, who listens there)
DEFAULTS: Mapping[str, tuple[int, str]] = {
    "serve": (8000, "the store and the API (serve)"),
    "emulate": (8100, "the payment gateway stand-in (emulate)"),
    "smtp": (1025, "the mail sink's SMTP (mail)"),
    "mail": (8025, "the mail sink's page (mail)"),
    "responder": (8300, "the pages of the person on call (respond)"),
    "serve-metrics": (9101, "the metrics of serve"),
    "work-metrics": (9102, "the health and metrics of work"),
    "respond-metrics": (9103, "the health and metrics of respond"),
    "emulate-metrics": (9104, "the metrics of emulate"),
    "prometheus": (9090, "Prometheus"),
    "alertmanager": (9093, "Alertmanager"),
}

# Below Linux's ephemeral range (32768-60999): an outgoing connection could take a port from there before we listen.
_FIRST, _LAST = 20_000, 32_000


_PATIENCE_S = 1.5  # a system that was ended a moment ago may still be letting go


class PortBusy(RuntimeError):  # named after the fact, like its siblings in the standard library
    """A default port is taken; the message names it, who needs it and the way out."""


def default_ports(without: frozenset[str] = frozenset()) -> dict[str, int]:
    """The documented ports; raises PortBusy when one is taken by anybody but a part that is left out."""
    wanted = {part: port for part, port in DEFAULTS.items() if part not in without}
    return {part: port for part, (port, _) in DEFAULTS.items()} | chosen_or_busy(wanted, patience_s=_PATIENCE_S)


def chosen_or_busy(wanted: Mapping[str, tuple[int, str]], *, patience_s: float) -> dict[str, int]:
    """The wanted ports, once all are free; raises PortBusy when one stays taken."""
    deadline = time.monotonic() + patience_s
    while busy := [f"{port} for {who}" for port, who in wanted.values() if not is_free(port)]:
        if time.monotonic() >= deadline:
            word, it = ("port", "it") if len(busy) == 1 else ("ports", "them")
            raise PortBusy(f"{word} already in use: {', '.join(busy)}. Free {it}, or start with --ports auto")
        time.sleep(0.1)
    return {part: port for part, (port, _) in wanted.items()}


def automatic_ports(last: Mapping[str, int]) -> dict[str, int]:
    """Free ports for every part: those of the last start when all of them are free, so that links keep working."""
    if set(last) == set(DEFAULTS) and all(is_free(port) for port in last.values()):
        return dict(last)
    return dict(zip(DEFAULTS, free_ports(len(DEFAULTS)), strict=True))


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ignore connections in TIME_WAIT
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """That many different free loopback ports, picked at random so that two systems starting at once rarely meet."""
    candidates = random.Random().sample(range(_FIRST, _LAST), k=_LAST - _FIRST)  # noqa: S311 # not a secret
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    return found
