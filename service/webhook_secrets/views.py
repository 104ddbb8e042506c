"""Webhook secrets as they are told: by the beginning of their hash, never by a character of their own."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from service.acts.rules import Act
from service.webhook_secrets.rules import FEWEST, LONGEST_S, MOST, PATTERN


class SecretAsked(Act, frozen=True, kw_only=True):
    """A secret to be accepted beside the others, and when those retire."""

    secret: Annotated[
        str,
        msgspec.Meta(
            min_length=FEWEST,
            max_length=MOST,
            pattern=PATTERN,
            description="As the provider shows it: Stripe's `whsec_…`, the id of PayPal's webhook.",
        ),
    ]
    retire_others_after: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0,
                le=LONGEST_S,
                description="Seconds until all others of this provider are refused; left out: they stay.",
            ),
        ]
        | None
    ) = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class SecretView(msgspec.Struct, rename="camel", frozen=True):
    secret: Annotated[str, msgspec.Meta(description="The first 16 digits of its SHA-256.")]
    origin: Literal["settings", "added"]
    accepted: bool
    readable: Annotated[bool, msgspec.Meta(description="False: the master key it was sealed under is gone.")]
    retires_at: datetime | None


class SecretsView(msgspec.Struct, rename="camel", frozen=True):
    """Of one provider."""

    provider: str
    secrets: list[SecretView]


class AllSecretsView(msgspec.Struct, rename="camel", frozen=True):
    providers: list[SecretsView]
