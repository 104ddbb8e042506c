"""One scenario by itself: played on a system of its own or on one that runs, and judged as the gate would."""

import time
from datetime import UTC, datetime
from pathlib import Path

from loadtests.baseline import identity
from loadtests.configuration import configuration
from loadtests.findings import Findings, found
from loadtests.report.words import deaf
from loadtests.stages import Scenario
from loadtests.stand import Stand, unhealthy
from loadtests.target import HERE, UnhealthyError, running
from loadtests.thresholds import judge, unwatched


def run_one(scenario: Scenario, stand: Stand, target: Path | None = None) -> Findings:
    """Play it to its end, or until somebody ends it, and say what may be said then."""
    began_at, began, whole = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic(), True
    try:
        stand.play_all([scenario], running(target) if target else None)
    except UnhealthyError as error:
        stand.rows.append(unhealthy(scenario.name, error))
    except KeyboardInterrupt:
        whole = False
    rows = [*stand.rows, *(row for ran, played in stand.runs for row in judge(ran, played))]
    return found(
        "run",
        [(ran, played.what) for ran, played in stand.runs],
        rows,
        began_at=began_at,
        seconds=time.monotonic() - began,
        tree=identity(),
        settings={} if target else configuration(HERE, stand.settings),
        notes=deaf(unwatched(stand.runs)),
        interrupted=not whole,
    )
