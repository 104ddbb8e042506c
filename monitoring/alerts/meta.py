"""Monitoring about itself. Its own silence is heard by whoever listens to the watchdog."""

from monitoring.alert import Alert, Kind, Tier

_SERIES = 20_000  # a process of ours has a tenth of that

ALERTS = (
    Alert(
        "ServiceDown",
        Tier.CRITICAL,
        Kind.SYMPTOM,
        "platform",
        'sum(up{job="serve"}) == 0 or absent(up{job="serve"})',
        "No process that serves the store and the webhooks is reached",
        "Customers see the proxy's error page, if that.",
        "oncall",
        wait="1m",
        keep="2m",
    ),
    Alert(
        "TargetDown",
        Tier.WARNING,
        Kind.META,
        "platform",
        "up == 0",
        "{{ $labels.job }} at {{ $labels.instance }} cannot be read",
        "The process is away, or its metrics port is. Others may still do its work.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "ScrapeSlow",
        Tier.WARNING,
        Kind.META,
        "platform",
        "scrape_duration_seconds > 5",
        "Reading {{ $labels.job }} at {{ $labels.instance }} takes {{ $value | humanizeDuration }}",
        "After ten seconds it is given up, and its alerts are blind.",
        "oncall",
        wait="5m",
        keep="5m",
    ),
    Alert(
        "SeriesExplosion",
        Tier.WARNING,
        Kind.META,
        "platform",
        f"scrape_samples_post_metric_relabeling > {_SERIES}",
        "{{ $labels.job }} at {{ $labels.instance }} shows {{ $value }} series",
        "Some label takes values without end. Prometheus and the process pay for each.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "RuleEvalFailing",
        Tier.CRITICAL,
        Kind.META,
        "platform",
        "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[{5m}])) > 0"
        " or sum by (rule_group) (increase(prometheus_rule_group_iterations_missed_total[{5m}])) > 3",
        "Rules of {{ $labels.rule_group }} failed or were left out {{ printf `%.0f` $value }} times in five minutes",
        "Alerts of this group do not fire, whatever happens.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "ConfigReloadFailing",
        Tier.WARNING,
        Kind.META,
        "platform",
        "prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0",
        "{{ $labels.job }} goes by an old configuration, because it could not read the new one",
        "After its next restart it may not come up.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "AlertmanagerFailing",
        Tier.CRITICAL,
        Kind.META,
        "platform",
        "label_replace(sum by (integration) (increase(alertmanager_notifications_failed_total[{5m}])) > 0,"
        ' "path", "$1", "integration", "(.+)")'
        ' or label_replace(prometheus_notifications_alertmanagers_discovered < 1, "path", "discovery", "", "")'
        " or label_replace(sum by (alertmanager) (increase(prometheus_notifications_errors_total[{5m}])) > 0,"
        ' "path", "$1", "alertmanager", "(.+)")',
        "Alerts do not get through ({{ $labels.path }})",
        "What fires now may reach nobody. This one may come by another way than usual.",
        "oncall",
        wait="5m",
    ),
    Alert(
        "Watchdog",
        Tier.INFO,
        Kind.HEARTBEAT,
        "platform",
        "vector(1)",
        "Alerting works",
        "Always fires. Who listens to it pages when it falls silent.",
        "oncall",
    ),
)
