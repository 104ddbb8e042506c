"""What grows old or ends where nobody looks: the newest backup, the last one that was restored, certificates of public hosts.

Shown as moments, so that a rule says how old is too old. Where there is no backup yet, its age counts from when the responder
first looked into the folder: a fresh system has a day to make its first one. What cannot be read keeps the moment it had.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from runbooks.actions.access import HTTPS
from runbooks.actions.backups import made_at, restored_at
from runbooks.settings import Settings
from service.telemetry.logs import get_logger
from service.telemetry.registry import Telemetry
from service.telemetry.repairs import BACKUP_AT, CERTIFICATE_ENDS, BackupStep

EVERY_S = 60.0
HANDSHAKE_S = 5
SINCE = "backups.since"  # empty file in the state; its time is when the folder of backups was first looked into

log = get_logger("responder")


class Upkeep:
    """The gauges of one responder about what is not its own."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._set = telemetry.set
        self._shows: set[str] = set()  # hosts of which a certificate was seen

    async def look_forever(self) -> None:
        """Until it is cancelled; in a drill as much more often as everything else is quicker."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S / self._settings.scale)

    async def look(self) -> None:
        """Once, at everything."""
        if self._settings.backups:
            await asyncio.to_thread(self._look_at_backups, Path(self._settings.backups))
        await asyncio.gather(*map(self._look_at_host, self._settings.hosts))

    def _look_at_backups(self, folder: Path) -> None:
        state = self._settings.state
        looks: dict[BackupStep, Callable[[], float | None]] = {
            BackupStep.MADE: lambda: made_at(folder),
            BackupStep.RESTORED: lambda: restored_at(state),
        }
        for what, at in looks.items():
            try:
                self._set(BACKUP_AT, at() or first_seen(state), what=what)
            except (OSError, ValueError) as error:
                log.warning("backups cannot be looked at", what=what, why=f"{type(error).__name__}: {error}")

    async def _look_at_host(self, host: str) -> None:
        try:
            self._set(CERTIFICATE_ENDS, await ends_at(host), host=host)
            self._shows.add(host)
        except (OSError, TimeoutError, ValueError) as error:
            told = log.info if host in self._shows else log.warning
            told("a host shows no certificate", host=host, why=type(error).__name__)


def first_seen(state: Path) -> float:
    """When the responder of this state first looked; written down once."""
    path = state / SINCE
    if not path.exists():
        path.touch(mode=0o600)
    return path.stat().st_mtime


async def ends_at(host: str) -> float:
    """When the certificate ends that is shown there, by the clock; one that has ended, or that nobody vouches for, is read as well.

    `OSError` and `TimeoutError` when there is none to be had, `ValueError` for what is no certificate.
    """
    name, _, port = host.partition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is read and nothing is said to it
    async with asyncio.timeout(HANDSHAKE_S):
        _, writer = await asyncio.open_connection(name, int(port or HTTPS), ssl=context, server_hostname=name)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp()
