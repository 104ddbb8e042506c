"""Our telemetry about itself."""

from monitoring.case import Case, critical, info, limit, warning

_ATTEMPTS = 'cubano_payment_attempts_total{job="%s",provider="stripe",outcome="approved",category="none"} 0x20\n'
_CHECKOUTS = 'cubano_checkouts_total{job="%s",provider="stripe",outcome="opened"} 0x20\n'
_STARTED = 'process_start_time_seconds{job="work",instance="w"} 0x5 #'

CASES = (
    Case(
        "PaymentMetricsAbsent",
        "nobody tells",
        'up{job="serve",instance="a"} 1x20',
        "7m",
        (
            critical("No serve tells us about checkouts and payments", job="serve"),
            critical("No work tells us about checkouts and payments", job="work"),
        ),
    ),
    Case(
        "PaymentMetricsAbsent",
        "what the worker shows is no word of those who sell",
        _CHECKOUTS % "work" + _ATTEMPTS % "work",
        "7m",
        (critical("No serve tells us about checkouts and payments", job="serve"),),
    ),
    Case("PaymentMetricsAbsent", "a night without payments", _CHECKOUTS % "serve" + _ATTEMPTS % "work", "10m"),
    *limit(
        "TelemetryDropping",
        'cubano_telemetry_dropped_total{signal="logs"} 0+#x60',
        "30m",
        warning("20 logs were dropped in ten minutes", signal="logs"),
        fires=2,
        silent="0.9",
    ),
    *limit(
        "TelemetryDropping",
        'cubano_telemetry_dropped_total{signal="spans"} 0+#x60',
        "30m",
        info("200 spans were dropped in ten minutes", signal="spans"),
        fires=20,
        silent=9,
    ),
    *limit(
        "ProcessRestarting",
        _STARTED,
        "15m",
        warning("work at w started 3 times in half an hour", job="work", instance="w"),
        fires="300x2 480x2 660x20",
        silent="300x2 480x20",  # a deploy, and another
    ),
)
