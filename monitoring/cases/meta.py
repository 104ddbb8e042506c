"""Monitoring about itself."""

from monitoring.case import Case, critical, info, limit, warning

_UP = 'up{job="serve",instance="a"} #x20\nup{job="serve",instance="b"} 0x20'
_SCRAPE = '{job="serve",instance="a"} #x20'
_SENT = 'alertmanager_notifications_failed_total{job="alertmanager",instance="m",integration="email"} 0+#x20'

CASES = (
    *limit(
        "ServiceDown",
        _UP,
        "5m",
        critical("No process that serves the store and the webhooks is reached"),
        fires=0,
        silent=1,
    ),
    Case(
        "ServiceDown",
        "nothing of the kind is known",
        'up{job="work",instance="w"} 1x20',
        "5m",
        (critical("No process that serves the store and the webhooks is reached", job="serve"),),
    ),
    *limit(
        "TargetDown",
        'up{job="work",instance="w"} #x20',
        "7m",
        warning("work at w cannot be read", job="work", instance="w"),
        fires=0,
        silent=1,
    ),
    *limit(
        "ScrapeSlow",
        "scrape_duration_seconds" + _SCRAPE,
        "7m",
        warning("Reading serve at a takes 6s", job="serve", instance="a"),
        fires=6,
        silent=5,
    ),
    *limit(
        "SeriesExplosion",
        "scrape_samples_post_metric_relabeling" + _SCRAPE,
        "7m",
        warning("serve at a shows 20001 series", job="serve", instance="a"),
        fires=20001,
        silent=20000,
    ),
    *limit(
        "RuleEvalFailing",
        'prometheus_rule_evaluation_failures_total{rule_group="queues"} 0+#x20',
        "12m",
        critical("Rules of queues failed or were left out 5 times in five minutes", rule_group="queues"),
        fires=1,
        silent=0,
    ),
    *limit(
        "ConfigReloadFailing",
        'prometheus_config_last_reload_successful{job="prometheus",instance="p"} #x20',
        "7m",
        warning(
            "prometheus goes by an old configuration, because it could not read the new one",
            job="prometheus",
            instance="p",
        ),
        fires=0,
        silent=1,
    ),
    *limit(
        "AlertmanagerFailing",
        _SENT,
        "12m",
        critical("Alerts do not get through (email)", integration="email", path="email"),
        fires=1,
        silent=0,
    ),
    *limit(
        "AlertmanagerFailing",
        'prometheus_notifications_alertmanagers_discovered{job="prometheus",instance="p"} #x20',
        "12m",
        critical("Alerts do not get through (discovery)", job="prometheus", instance="p", path="discovery"),
        fires=0,
        silent=1,
    ),
    Case("Watchdog", "always", 'up{job="serve",instance="a"} 1x20', "1m", (info("Alerting works"),)),
)
