"""What gateways tell us."""

from monitoring.case import Case, critical, info, limit, warning

_LAG = (
    "\n".join(
        f'cubano_webhook_lag_seconds_bucket{{provider="stripe",le="{le}"}} 0+#x30'
        for le in ("60.0", "120.0", "300.0", "900.0", "+Inf")
    )
    + '\ncubano_webhook_lag_seconds_count{provider="stripe"} 0+#x30'
)
_AT = 'cubano_webhooks_total{provider="stripe",result="%s"} '
_SIGNED = _AT % "bad_signature" + "0x10 0+#x30\n" + _AT % "accepted" + "0+#x40"
_PAID = (
    'cubano_payment_attempts_total{provider="stripe",outcome="approved",category="none"} 0+#x30\n'
    + _AT % "accepted"
    + "#x30"
)
_TWICE = _AT % "duplicate" + "0+#x120\n" + _AT % "accepted" + "0+#x120"
_RECOVERED = 'cubano_recovered_total{provider="stripe",found_by="sweep"} 0x20 #x30'

CASES = (
    *limit(
        "WebhookLagHigh",
        _LAG,
        "20m",
        warning("One event in twenty from stripe arrives later than 1m 29s", provider="stripe"),
        fires=(90, 100, 100, 100, 100, 100),
        silent=(95, 100, 100, 100, 100, 100),
        few=("0.1", "0.1", "0.4", "0.4", "0.4", "0.4"),
    ),
    Case(
        "WebhookLagHigh",
        "most events come after five minutes",
        'cubano_webhook_lag_seconds_bucket{provider="stripe",le="60.0"} 0+2x30\n'
        'cubano_webhook_lag_seconds_bucket{provider="stripe",le="300.0"} 0+2x30\n'
        'cubano_webhook_lag_seconds_bucket{provider="stripe",le="900.0"} 0+10x30\n'
        'cubano_webhook_lag_seconds_bucket{provider="stripe",le="+Inf"} 0+10x30\n'
        'cubano_webhook_lag_seconds_count{provider="stripe"} 0+10x30',
        "20m",
        (
            critical("One event in twenty from stripe arrives later than 14m 22s", provider="stripe"),
            warning("One event in twenty from stripe arrives later than 14m 22s", provider="stripe"),
        ),
    ),
    *limit(
        "WebhookSignatureFailures",
        _SIGNED,
        "25m",
        warning("10 webhooks in the name of stripe were signed wrongly in ten minutes", provider="stripe"),
        fires=(1, 20),
        silent=("0.4", 20),
    ),
    *limit(
        "WebhookSignatureFailures",
        _SIGNED,
        "25m",
        critical("All 10 webhooks of stripe in ten minutes were signed wrongly", provider="stripe"),
        warning("10 webhooks in the name of stripe were signed wrongly in ten minutes", provider="stripe"),
        fires=(1, 0),
        silent=("0.4", 0),
    ),
    *limit(
        "WebhookMissedEvents",
        'cubano_sweep_last_timestamp_seconds{provider="stripe"} 0+60x10 #x30',
        "27m",
        critical("What stripe may have failed to tell us has not been looked for since 17m 0s", provider="stripe"),
        fires=600,
        silent=840,
    ),
    *limit(
        "WebhookMissedEvents",
        _RECOVERED,
        "30m",
        warning("6 events of stripe reached us only because we asked", provider="stripe"),
        fires=6,
        silent=4,
    ),
    *limit(
        "WebhookSilence",
        _PAID,
        "20m",
        critical("15 payments at stripe in a quarter of an hour, and not one webhook about them", provider="stripe"),
        fires=(1, 5),
        silent=(1, "0+1"),
        few=("0.1", 5),
    ),
    Case(
        "WebhookSilence",
        "money at the desk needs no webhook",
        'cubano_payment_attempts_total{provider="manual",outcome="approved",category="none"} 0+1x30\n'
        'cubano_webhooks_total{provider="manual",result="accepted"} 0x30',
        "20m",
    ),
    *limit(
        "WebhookDuplicateSurge",
        _TWICE,
        "100m",
        info("60% of the webhooks of stripe are repetitions", provider="stripe"),
        fires=(6, 4),
        silent=(4, 6),
        few=("0.6", "0.1"),
    ),
)
