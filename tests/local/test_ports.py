"""Ports: the documented ones or free ones, and a busy one in one clear line."""

import socket

import pytest

from service.local.ports import DEFAULTS, PortBusy, automatic_ports, chosen_or_busy, free_ports, is_free


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_busy_port_is_named_with_the_way_out(taken):
    """The message names the port, who needs it and --ports auto."""
    with pytest.raises(
        PortBusy, match=f"^port already in use: {taken} for the store. Free it, or start with --ports auto$"
    ):
        chosen_or_busy({"serve": (taken, "the store")}, patience_s=0)


def test_free_ports_are_taken_as_they_are():
    """When all are free the documented numbers are used."""
    (port,) = free_ports(1)

    assert {"serve": port} == chosen_or_busy({"serve": (port, "the store")}, patience_s=0)


def test_automatic_ports_are_all_different():
    """Every part gets a port of its own that is free, below those that outgoing connections use."""
    ports = automatic_ports({})

    assert set(DEFAULTS) == set(ports)
    assert len(DEFAULTS) == len(set(ports.values()))
    assert all(is_free(port) and 20_000 <= port < 32_768 for port in ports.values())


def test_automatic_ports_stay_the_same(taken):
    """The ports of the last start are taken again, unless one of them is busy."""
    last = automatic_ports({})

    assert last == automatic_ports(last)
    assert last != automatic_ports({**last, "serve": taken})
