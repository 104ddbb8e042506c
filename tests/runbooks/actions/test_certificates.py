"""When the certificate of an address ends, as a browser would judge it."""

from datetime import UTC, datetime, timedelta

import pytest

from runbooks.actions.world import Places, open_world
from runbooks.engine.registry import RefusedError, UnreachableError
from tests.runbooks.actions.conftest import Player
from tests.runbooks.tls import host_of


@pytest.fixture
async def strange(tmp_path):
    """An address whose certificate nobody vouches for."""
    async with host_of(tmp_path, datetime.now(UTC) + timedelta(days=1)) as host:
        yield f"https://{host}"


async def test_a_certificate_is_valid_wrong_or_none(registry, strange):
    """One that nobody vouches for is told with the reason; plain HTTP has none; nobody there is not known; a host is a name."""
    found = {}
    for name, url in (("strange", strange), ("plain", "http://127.0.0.1:9")):
        async with open_world(Places(api_url=url)) as world:
            found[name] = await Player(world, registry).read("certificates.expiry")
    async with open_world(Places(api_url="https://127.0.0.1:9")) as world:
        with pytest.raises(UnreachableError, match="no certificate"):
            await Player(world, registry).read("certificates.expiry")
        with pytest.raises(RefusedError):
            await Player(world, registry).read("certificates.expiry", host="127.0.0.1/x")
        other = await Player(world, registry).read("certificates.expiry", host=strange.removeprefix("https://"))

    assert other == found["strange"]  # another host, by its name and port
    assert {"tls": False} == found["plain"]
    assert (True, False) == (found["strange"]["tls"], found["strange"]["valid"])
    assert "self" in str(found["strange"]["why"])
