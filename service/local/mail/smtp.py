"""The SMTP side of the sink: accepts every mail for everybody and puts it into the box."""

from collections.abc import Callable

from aiosmtpd.smtp import SMTP, Envelope, Session

from service.local.mail.box import Box, Summary


class Intake:
    """What aiosmtpd calls for each mail; `told` hears of it once it is stored."""

    def __init__(self, box: Box, told: Callable[[Summary], None]) -> None:
        self._box = box
        self._told = told

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        raw = envelope.original_content or b""
        self._told(self._box.add(envelope.mail_from or "", list(envelope.rcpt_tos), raw))
        return "250 OK: kept in the sink"


def protocol(intake: Intake) -> Callable[[], SMTP]:
    """A protocol factory for `loop.create_server`."""
    return lambda: SMTP(intake, hostname="mail.sink.local", enable_SMTPUTF8=True, decode_data=False)
