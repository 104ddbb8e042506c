"""How long what there is will do, when what is wanted grows by the same share each year."""

import math
from collections.abc import Sequence

LEAST_YEARS = 3  # a share of growth from two years is one subtraction


def years_left(has: float, wanted: float, growth: float) -> float:
    """Years until what is wanted is more than there is: 0 when it is already, infinite when it does not grow."""
    if wanted >= has:
        return 0.0
    return math.log(has / wanted) / math.log1p(growth) if growth > 0 else math.inf


def growth_of(years: Sequence[float]) -> float:
    """The share by which each year was more than the last, fitted to all of them. Raises `ValueError` for too few."""
    if len(years) < LEAST_YEARS or min(years) <= 0:
        raise ValueError(f"{LEAST_YEARS} years or more, each above zero, tell a growth")
    middle, logs = (len(years) - 1) / 2, [math.log(each) for each in years]
    mean = math.fsum(logs) / len(logs)
    slope = math.fsum((at - middle) * (log - mean) for at, log in enumerate(logs))
    return math.expm1(slope / math.fsum((at - middle) ** 2 for at in range(len(logs))))
