"""The facts of one movement of money, as whoever learned of it tells the books. Pure."""

from dataclasses import dataclass
from datetime import datetime

from service.kernel.money import Money


@dataclass(frozen=True)
class Moved:
    """Money that moved: under which id of ours, through whom, how much and when."""

    subject: str
    provider: str
    amount: Money
    at: datetime
