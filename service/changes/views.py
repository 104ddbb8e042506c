"""Changes as they are told; camelCase on the wire."""

from datetime import datetime
from typing import Annotated, Any

import msgspec


class ChangeView(msgspec.Struct, rename="camel", frozen=True):
    at: datetime
    kind: Annotated[str, msgspec.Meta(description="switch, key, staff, secret, deploy, settings.")]
    action: Annotated[str, msgspec.Meta(description="As the audit trail has it: `switch.put`; or `process.build`.")]
    subject: Annotated[str, msgspec.Meta(description="The switch, the key's or the person's id, the process.")]
    by: Annotated[str, msgspec.Meta(description="A key's client, a person's id, a command's user, system.")]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangesView(msgspec.Struct, rename="camel", frozen=True):
    changes: Annotated[list[ChangeView], msgspec.Meta(description="Newest first.")]
    since: Annotated[datetime, msgspec.Meta(description="How far back was looked.")]
