"""What is answered while load is shed: come later, each at another time, so that nobody comes back as a crowd.

SalesPaused
└── LoadShed   a branch of the tree in `errors.py`
"""

from service.kernel.errors import SalesPaused

SOONEST_S, LATEST_S = 15, 60  # before somebody who was sent away is to come again


class LoadShed(SalesPaused):
    """An operator keeps the room for those who are paying; `jitter` in [0, 1) is when this one comes again."""

    def __init__(self, jitter: float) -> None:
        super().__init__()
        self.retry_after_s = SOONEST_S + int(jitter * (LATEST_S - SOONEST_S + 1))

    def __str__(self) -> str:
        return "So many people are here that we serve those first who are paying. Nothing was charged. Please come again soon."
