"""When the certificate of an address ends, as a browser would judge it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbooks.actions.world import Places, open_world
from runbooks.engine.registry import RefusedError, UnreachableError
from tests.runbooks.actions.conftest import Player


@pytest.fixture
async def strange(tmp_path):
    """An address whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    path = tmp_path / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    server.close()


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

    assert {"tls": False} == found["plain"]
    assert (True, False) == (found["strange"]["tls"], found["strange"]["valid"])
    assert "self" in str(found["strange"]["why"])
