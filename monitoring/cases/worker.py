"""The worker."""

from monitoring.case import Case, critical, limit, warning

_BEAT = 'cubano_worker_heartbeat_timestamp_seconds{job="work",instance="w",loop="%s"} '

CASES = (
    Case("WorkerGone", "no worker", 'up{job="serve",instance="a"} 1x20', "3m", (critical("No worker is running"),)),
    Case("WorkerGone", "a deploy restart takes a minute", _BEAT % "inbox-0" + "0+60x5 _x1 420+60x10", "7m"),
    Case("WorkerGone", "one works", _BEAT % "inbox-0" + "0+60x20", "10m"),
    *limit(
        "WorkerStalled",
        _BEAT % "inbox-0" + "0+60x10 #x10",
        "14m",
        critical("The loop inbox-0 of the worker has not turned for 3m 20s", instance="w", loop="inbox-0"),
        fires=640,
        silent="660+60",
    ),
    *limit(
        "WorkerStalled",
        _BEAT % "sweep-stripe" + "#x40",
        "20m",
        critical("The loop sweep-stripe of the worker has not turned for 20m 0s", instance="w", loop="sweep-stripe"),
        fires=0,
        silent=600,
    ),
    Case(
        "WorkerStalled",
        "some loops rest for long",
        _BEAT % "forgetting" + "0x40\n" + _BEAT % "invariants" + "0x40",
        "30m",
    ),
    *limit(
        "WorkerFailing",
        'cubano_worker_failures_total{loop="mail"} 0+#x40',
        "25m",
        warning("The loop mail of the worker failed 15 times in a quarter of an hour", loop="mail"),
        fires=1,
        silent="0.6",
    ),
    *limit(
        "FiguresStale",
        'cubano_progress_age_seconds{job="work",instance="w"} #x10',
        "5m",
        warning("Ages and counts on the dashboards are 2m 1s old"),
        fires=121,
        silent=120,
    ),
    *limit(
        "ControlsStale",
        'cubano_controls_age_seconds{job="serve",instance="a"} #x10',
        "5m",
        warning("a goes by switches as they stood 2m 1s ago", job="serve", instance="a"),
        fires=121,
        silent=120,
    ),
)
