"""The collector's configuration hangs together, keeps what we promise to keep, and lets no secret through. (It cannot run here.)"""

import io
import json
import logging
import re
from typing import Any

import pytest
import structlog
import yaml

from service.telemetry import tracing
from service.telemetry.logs import configure_logs
from tests.monitoring.compose import LISTENS, ROOT, environment

TEXT = (ROOT / "monitoring" / "otel-collector.yml").read_text()
CONFIG: dict[str, Any] = yaml.safe_load(TEXT)
PIPELINES = CONFIG["service"]["pipelines"]
KINDS = ("receivers", "processors", "exporters")
# What each component understands, as the distribution of the compose file documents it.
KEYS = {
    "otlp": {"protocols"},
    "fluentforward": {"endpoint"},
    "memory_limiter": {"check_interval", "limit_mib", "spike_limit_mib"},
    "transform": {"error_mode", "log_statements"},
    "groupbyattrs": {"keys"},
    "redaction": {"allow_all_keys", "redact_all_types", "blocked_key_patterns", "blocked_values", "summary"},
    "tail_sampling": {"decision_wait", "num_traces", "decision_cache", "policies"},
    "batch": {"timeout"},
    "otlp_http": {"endpoint"},
}
POLICIES = {policy["name"]: policy for policy in CONFIG["processors"]["tail_sampling"]["policies"]}
LINES, TEXTS = CONFIG["processors"]["transform/lines"], CONFIG["processors"]["transform/text"]
MASKED_IN_TEXT = re.compile(r'^replace_pattern\(log\.body, "(.*)", "\*{4}"\)$')


def unescaped(text: str) -> str:
    """A string of a statement: the file writes $ as $$, the statement \\ as \\\\."""
    return text.replace("$$", "$").replace("\\\\", "\\")


VALUES = [pattern.replace("$$", "$") for pattern in CONFIG["processors"]["redaction"]["blocked_values"]]
NAMES = [pattern.replace("$$", "$") for pattern in CONFIG["processors"]["redaction"]["blocked_key_patterns"]]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_declared_is_used_and_what_is_used_is_declared(kind):
    """A component that no pipeline names does nothing; one that is not there ends the collector."""
    used = {name for pipeline in PIPELINES.values() for name in pipeline[kind]}

    assert set(CONFIG[kind]) == used


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in CONFIG[kind]])
def test_component_is_given_what_it_understands(kind, name):
    """A misspelt key ends the collector at its start."""
    assert set(CONFIG[kind][name]) <= KEYS[name.split("/")[0]]


def test_pipelines_refuse_first_and_redact_before_anything_is_chosen_or_sent():
    """Memory is guarded before anything is held; what is kept back by mistake is better than what is shown by mistake."""
    for pipeline in PIPELINES.values():
        order = pipeline["processors"]
        assert "memory_limiter" == order[0]
        assert "batch" == order[-1]
        assert "redaction" in order
    assert PIPELINES["traces"]["processors"].index("redaction") < PIPELINES["traces"]["processors"].index(
        "tail_sampling"
    )
    assert CONFIG["processors"]["memory_limiter"]["limit_mib"] < 512  # mem_limit of the container


def test_it_listens_and_sends_where_the_compose_file_says():
    """Traces from the service, lines from the engine, its own metrics for Prometheus; out to Tempo and Loki alone."""
    reader = CONFIG["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"]
    endpoints = [
        CONFIG["receivers"]["otlp"]["protocols"]["http"]["endpoint"],
        CONFIG["receivers"]["fluentforward"]["endpoint"],
        f"{reader['host']}:{reader['port']}",
    ]

    assert {f"0.0.0.0:{port}" for port in LISTENS["otel-collector"]} == set(endpoints)
    assert "http://otel-collector:4318" == environment("work")["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert {"http://tempo:4318", "http://loki:3100/otlp"} == {each["endpoint"] for each in CONFIG["exporters"].values()}


# ---- which traces stay ---------------------------------------------------------------------------------------------------


def test_errors_slow_ones_and_what_a_panel_points_at_stay_and_a_tenth_of_the_rest():
    """The same meaning of slow as in the processes, and the mark they put on a span that an exemplar names."""
    registry = (ROOT / "service" / "telemetry" / "registry.py").read_text()

    assert ["ERROR"] == POLICIES["errors"]["status_code"]["status_codes"]
    assert tracing.SLOW_SECONDS * 1000 == POLICIES["slow"]["latency"]["threshold_ms"]
    assert {"key": "exemplar", "value": True} == POLICIES["exemplars"]["boolean_attribute"]
    assert 'attributes["exemplar"] = True' in registry
    assert 10 == POLICIES["share"]["probabilistic"]["sampling_percentage"]
    assert all(policy["type"] in policy for policy in POLICIES.values())


def test_late_spans_follow_the_decision_about_their_trace():
    """The webhook comes minutes after the click: decisions are remembered longer than spans are."""
    sampling = CONFIG["processors"]["tail_sampling"]

    assert sampling["decision_cache"]["sampled_cache_size"] > sampling["num_traces"]
    assert sampling["decision_cache"]["non_sampled_cache_size"] > sampling["num_traces"]


def test_processes_throw_the_dice_in_range():
    """A ratio that cannot be read would be the default without a word."""
    assert 0 < float(environment("serve-1")["OTEL_TRACES_SAMPLER_ARG"]) <= 1


# ---- no secret ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "5555-5555-5555-4444",
        "378282246310005",
        "3782 822463 10005",
        "ana@example.com",
        "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
        "rk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "whsec_a1b2c3d4",
        "pi_3abc_secret_xyz",
        "cubano_dev_01m8492jcgasccm5zhge299vgb_ZHOgv1nPseZGf3Ymu",
        "Bearer abcdef.ghijkl",
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl",
        "postgresql://cubano:hunter2@postgres:5432/cubano",
    ],
)
def test_secret_is_masked_in_a_field_and_in_a_line(secret):
    """A card number, an address, a key: whatever a field that was new yesterday lets through."""
    text = f"before {secret} after"

    masked = text
    for pattern in VALUES:
        masked = re.sub(pattern, "****", masked)

    assert secret not in masked
    assert "****" in masked
    assert "hunter2" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "request answered",
        "4bf92f3577b34da6a3ce929d0e0e4736",  # a trace
        "ord_01m8492jcgasccm5zhge299vgb",
        "1763903486123456789",  # nanoseconds
        "2026-11-23T13:11:26.123456Z",
        "a***@example.com",  # what the service has redacted already
        "sk_test_[redacted]",
        "http://emulate:8100/v1/checkout/sessions",
    ],
)
def test_what_an_engineer_needs_stays(text):
    """Ids, times, and what is hidden already."""
    assert [] == [pattern for pattern in VALUES if re.search(pattern, text)]


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("http.request.header.authorization", True),
        ("password", True),
        ("stripe_signature", True),
        ("session_token", True),
        ("cvc", True),
        ("customer_name", True),
        ("span_id", False),
        ("service.name", False),
        ("http.route", False),
        ("expand", False),
        ("order_id", False),
    ],
)
def test_field_is_hidden_by_its_name(name, hidden):
    """As in the service; a name that only contains such a word by chance is not one."""
    assert hidden == any(re.search(pattern, name) for pattern in NAMES)


def test_text_of_a_line_is_masked_by_the_same_patterns():
    """One list, written twice because two processors need it."""
    found = [MASKED_IN_TEXT.match(statement) for statement in TEXTS["log_statements"]]

    assert all(found)
    assert VALUES == [unescaped(each[1]) for each in found]


# ---- our lines -------------------------------------------------------------------------------------------------------


def test_line_of_ours_is_taken_apart_by_its_own_names(plain_logs):
    """Every field the statements read is one that our loggers write."""
    written = _line()
    statements = [each for group in LINES["log_statements"] for each in group["statements"]]
    read = set(re.findall(r'log\.cache\["(\w+)"\]', " ".join(statements)))
    condition = re.search(r'IsMatch\(log\.body, "(.*)"\)', LINES["log_statements"][0]["conditions"][0])

    assert read - {"trace_id", "span_id"} <= set(json.loads(written))
    assert re.search(unescaped(condition[1]), written)
    assert not re.search(unescaped(condition[1]), "Traceback (most recent call last):")
    assert "cubano-work" == f"cubano-{json.loads(written)['process']}"  # the name its traces have (telemetry/export.py)


def test_every_level_has_a_severity():
    """As Loki colours them."""
    statements = " ".join(LINES["log_statements"][0]["statements"])
    numbers = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    levels = {logging.getLevelName(number).lower() for number in numbers}  # servers add some of their own

    assert levels == set(re.findall(r'SEVERITY_NUMBER_\w+\) where log\.cache\["level"\] == "(\w+)"', statements))


def _line() -> str:
    out = io.StringIO()
    configure_logs("work", "json", "INFO", stream=out)
    structlog.get_logger(area="test").info("something happened", order_id="ord_1")
    return out.getvalue()


# ---- Tempo and Loki --------------------------------------------------------------------------------------------------


def test_traces_and_lines_are_kept_as_long_as_each_other():
    """A link from one to the other leads somewhere; and neither tells its maker what it does."""
    tempo = yaml.safe_load((ROOT / "monitoring" / "compose" / "tempo.yml").read_text())
    loki = yaml.safe_load((ROOT / "monitoring" / "compose" / "loki.yml").read_text())

    assert tempo["compactor"]["compaction"]["block_retention"] == loki["limits_config"]["retention_period"]
    assert tempo["server"]["http_listen_port"] in LISTENS["tempo"]
    assert "0.0.0.0:4318" == tempo["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert {loki["server"]["http_listen_port"]} == LISTENS["loki"]
    assert loki["limits_config"]["allow_structured_metadata"]  # where trace ids are
    assert tempo["usage_report"]["reporting_enabled"] is False
    assert loki["analytics"]["reporting_enabled"] is False
