"""One factor scales every duration, so that a drill of a minute runs the rules of an hour.

In an expression a duration stands as `{5m}` and a number of seconds as `{5m:s}`: `rate(x_total[{5m}])`, `age > {10m:s}`.
What is compared with something that a process renews every minute is `{10m:s75}`: the process does not run faster in a
drill, so the number never falls below 75.
"""

import re
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MARK = re.compile(r"\{(\d+)([smhd])(?::(s)(\d*))?\}")
_LEAST_RANGE_S = 5  # a range holds at least four scrapes, and a drill scrapes every second


@dataclass(frozen=True)
class Scale:
    """`factor` 1 is production; with 60 an hour is a minute."""

    factor: int = 1

    def apply(self, text: str) -> str:
        """The text with every mark written out."""
        return _MARK.sub(self._written, text)

    def seconds(self, duration: str) -> int:
        """Of "90s", "5m", "6h" or "3d", scaled; never nothing."""
        return max(int(duration[:-1]) * _UNITS[duration[-1]] // self.factor, 1)

    def duration(self, duration: str) -> str:
        """As Prometheus writes it: "5m"; "0s" stays nothing."""
        if self.factor == 1 or int(duration[:-1]) == 0:
            return duration
        return f"{self.seconds(duration)}s"

    def _written(self, mark: re.Match[str]) -> str:
        duration = f"{mark[1]}{mark[2]}"
        if mark[3]:
            return str(max(self.seconds(duration), int(mark[4] or 0)))
        return duration if self.factor == 1 else f"{max(self.seconds(duration), _LEAST_RANGE_S)}s"
