"""Which day is to be compared; camelCase on the wire."""

from datetime import date
from typing import Annotated

import msgspec

from service.acts.rules import PLAIN, Act


class RecheckAsked(Act, frozen=True, kw_only=True):
    """A UTC day, of one gateway or of all that list their movements."""

    day: Annotated[
        date, msgspec.Meta(description="The UTC day, for example 2027-02-13; today counts as far as it is known.")
    ]
    provider: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PLAIN)] | None = None
