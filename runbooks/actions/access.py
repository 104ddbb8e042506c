"""Who asks and who is turned away: keys and certificates that end, limits, refused requests, cards that are tried out."""

import asyncio
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from monitoring.signals import attempts, count_of
from runbooks.actions.arguments import seconds, word
from runbooks.actions.world import World
from runbooks.engine.facts import Facts
from runbooks.engine.playbook import Args
from runbooks.engine.registry import Read, UnreachableError
from service.telemetry.catalogue import ACCESS, LIMITS, PAYMENT_ATTEMPTS, SIGN_INS
from service.telemetry.labels import AccessOutcome, AttemptOutcome, LimitVerdict, SignInOutcome

HANDSHAKE_S = 3
DAY_S = 86_400
HTTPS = 443


async def read_keys(world: World, args: Args) -> Facts:
    """API keys that work, and that soon will not."""
    within_s = seconds(args, "within", "14d")  # by the calendar, in a drill too
    found = await world.sql.one("keys", within_s=within_s)
    next_s = found.pop("next_s")
    return {**found, "next_days": round(next_s / DAY_S, 2) if next_s is not None else None}


async def read_certificate(world: World, args: Args) -> Facts:
    """When the certificate of an address ends."""
    parts = urlsplit(world.places.api_url)
    if not args.get("host") and parts.scheme != "https":
        return {"tls": False}
    asked, _, port = word(args, "host", "").partition(":")
    host, port = (asked, port) if asked else (parts.hostname or "", str(parts.port or ""))
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            _, writer = await asyncio.open_connection(host, int(port or HTTPS), ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        return {"tls": True, "valid": False, "why": error.verify_message}
    except (OSError, TimeoutError) as error:
        raise UnreachableError(f"{host} shows no certificate: {type(error).__name__}") from error
    ends = ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"])
    writer.close()
    return {"tls": True, "valid": True, "days": round((ends - datetime.now(UTC).timestamp()) / DAY_S, 2)}


async def read_limits(world: World, _args: Args) -> Facts:
    """Who was turned away by a limit in ten minutes."""
    limited = await world.by("zone", count_of(LIMITS, "10m", "zone", verdict=LimitVerdict.LIMITED))
    whole = await world.counted(count_of(LIMITS, "10m"))
    turned = sum(limited.values())
    zone = max(limited, key=lambda each: limited[each]) if turned else "none"
    share = round(turned / whole, 4) if whole else None
    return {"limited": round(turned), "requests": round(whole), "share": share, "zone": zone}


async def read_refused(world: World, _args: Args) -> Facts:
    """Requests that had no right to what they asked for, and sign-ins that failed."""
    by = await world.by("outcome", count_of(ACCESS, "10m", "outcome"))
    refused = {each: count for each, count in by.items() if each != AccessOutcome.ALLOWED and count}
    signed = await world.by("outcome", count_of(SIGN_INS, "10m", "outcome"))
    failed = sum(count for each, count in signed.items() if each != SignInOutcome.SIGNED_IN)
    top = max(refused, key=lambda each: refused[each], default="none")
    return {"refused": round(sum(refused.values())), "why": top, "sign_ins_failed": round(failed)}


async def read_cards(world: World, _args: Args) -> Facts:
    """How many attempts of five minutes were declined."""
    declined = await world.counted(attempts("5m", AttemptOutcome.DECLINED))
    answered = await world.counted(attempts("5m", AttemptOutcome.DECLINED, AttemptOutcome.APPROVED))
    why = await world.by("category", count_of(PAYMENT_ATTEMPTS, "5m", "category", outcome=AttemptOutcome.DECLINED))
    top = max(why, key=lambda each: why[each]) if any(why.values()) else "none"
    share = round(declined / answered, 4) if answered else None
    return {"declined": round(declined), "answered": round(answered), "share": share, "category": top}


READS = (
    Read(
        "access.keys",
        "API keys that soon end.",
        {"live": "that work", "soon": "that end within that time (14d)", "next_days": "until the next one ends"},
        read_keys,
        ("within?",),
    ),
    Read(
        "certificates.expiry",
        "When the certificate of the service, or of another host, ends.",
        {"tls": "there is one", "valid": "a browser takes it", "why": "why it does not", "days": "until it ends"},
        read_certificate,
        ("host?",),
    ),
    Read(
        "limits.limited",
        "Requests of ten minutes that a limit turned away.",
        {"limited": "how many", "requests": "of all that were looked at", "share": "of them", "zone": "where most, or none"},
        read_limits,
    ),
    Read(
        "access.refused",
        "Requests of ten minutes without a right to what they asked for.",
        {"refused": "how many", "why": "most of them, or none", "sign_ins_failed": "steps of sign-ins that failed"},
        read_refused,
    ),
    Read(
        "cards.declined",
        "Attempts to pay of five minutes that a bank declined.",
        {"declined": "how many", "answered": "of all that a bank answered", "share": "of them", "category": "why most, or none"},
        read_cards,
    ),
)  # fmt: skip
