"""How long a drill must stay quiet for its silence to mean something: until the alerts that it names could have fired.

That is the longest range an alert looks back, its `for`, and a few seconds in which it is computed and told; at the pace of the
drill. What it compares with the last days is what is usual, and nothing to be waited for.
"""

import re
from collections.abc import Iterable

from monitoring.alert import Alert
from monitoring.alerts import ALERTS
from monitoring.durations import Scale

TOLD_S = 5  # computed, grouped, told
_DAY_S = 86_400
_RANGE = re.compile(r"\[\{(\d+[smhd])\}\]|:(?:increase|ratio)(\d+[smhd])\b")  # raw, or as a recorded name says


def needed_s(names: Iterable[str], factor: int) -> float:
    """Seconds of the wall; 0 for none. A name that no alert bears is a `KeyError`."""
    scale = Scale(factor)
    return max((_of(each, scale) for name in names for each in _rows(name)), default=0)


def _rows(name: str) -> list[Alert]:
    found = [each for each in ALERTS if each.name == name]
    if not found:
        raise KeyError(name)
    return found


def _of(alert: Alert, scale: Scale) -> float:
    ranges = [raw or recorded for raw, recorded in _RANGE.findall(alert.expr)]
    looks_back = [scale.seconds(each) for each in ranges if Scale().seconds(each) < _DAY_S]
    waits = 0 if alert.wait == "0s" else scale.seconds(alert.wait)
    return max(looks_back, default=0) + waits + TOLD_S
