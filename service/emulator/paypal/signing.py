"""Signatures as PayPal makes them: RSA and SHA-256 over `id|time|webhook id|crc32 of the raw body`, and a certificate.

The certificate is signed by a throw-away authority. Both are made when first needed and kept in the books, so that a
restart, and a reset, change neither: a service that trusts the authority keeps trusting it. The address of a certificate
gives it together with its authority's, as PEM, to anybody.
"""

import base64
import binascii
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.emulator.paypal import ids
from service.emulator.wire import Obj
from service.emulator.world import World

SUBJECT = "messageverificationcerts.paypal.com"
ALGORITHM = "SHA256withRSA"
BITS = 2048
LIFETIME = timedelta(days=3650)
LEEWAY = timedelta(days=1)  # a receiver whose clock is behind accepts it, too
PATH = "/paypal/v1/notifications/certs"
LEAF, AUTHORITY = "leaf", "authority"


def sign(world: World, transmission: str, at: str, webhook_id: str, body: bytes) -> str:
    """The value of PAYPAL-TRANSMISSION-SIG."""
    key: Any = serialization.load_pem_private_key(
        _row(world, LEAF)["key"].encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    signed = key.sign(_message(transmission, at, webhook_id, body), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signed).decode()


def verifies(world: World, asked: Obj, event: bytes) -> bool:
    """Whether what the caller sends back is what was signed, byte by byte, for a webhook that is listened on."""
    known = {row["secret"] for row in world.store.all("endpoint") if row.get("provider") == "paypal"}
    if asked["cert_url"] != cert_url(world) or asked["auth_algo"] != ALGORITHM or asked["webhook_id"] not in known:
        return False
    leaf: Any = x509.load_pem_x509_certificate(_row(world, LEAF)["pem"].encode()).public_key()
    message = _message(asked["transmission_id"], asked["transmission_time"], asked["webhook_id"], event)
    try:
        leaf.verify(
            base64.b64decode(asked["transmission_sig"], validate=True), message, padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, binascii.Error):
        return False
    return True


def cert_url(world: World) -> str:
    return f"{world.options.api_base}{PATH}/{_row(world, LEAF)['name']}"


def chain(world: World, name: str) -> str | None:
    """Leaf and authority as PEM, or None when no certificate has this name."""
    leaf = _row(world, LEAF)
    return None if leaf["name"] != name else str(leaf["pem"] + _row(world, AUTHORITY)["pem"])


def authority(world: World) -> str:
    """The authority's certificate, to be trusted by tests and by nobody else."""
    return str(_row(world, AUTHORITY)["pem"])


def _message(transmission: str, at: str, webhook_id: str, body: bytes) -> bytes:
    return f"{transmission}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()


def _row(world: World, which: str) -> Obj:
    found = world.store.get("paypal.cert", which)
    if found is None:
        _make(world)
        found = world.store.must("paypal.cert", which)
    return found


def _make(world: World) -> None:
    top = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stand-in for PayPal: throw-away authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUBJECT)])
    ca = (
        _unsigned(issuer, issuer, top.public_key(), top.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(top, hashes.SHA256())
    )
    leaf = (
        _unsigned(subject, issuer, key.public_key(), top.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SUBJECT)]), critical=False)
        .sign(top, hashes.SHA256())
    )
    name = f"CERT-{ids.signs(8)}-{ids.signs(8)}"
    world.store.put("paypal.cert", {"id": AUTHORITY, "pem": _pem(ca)})
    world.store.put("paypal.cert", {"id": LEAF, "name": name, "pem": _pem(leaf), "key": _private(key)})


def _unsigned(subject: x509.Name, issuer: x509.Name, key: Any, signer: Any) -> x509.CertificateBuilder:
    # the machine's time, as in the signature: the stand-in's clock may be days ahead
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
