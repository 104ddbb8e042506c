"""Each event is one line that a machine can read, names its trace, and can be written anywhere without harm."""

import ast
import errno
import io
import json
import logging
import re
import sys
import warnings
from pathlib import Path

import pytest
import structlog

from service.settings_checks import LOG_AREAS
from service.telemetry.logs import Bridge, bind, bound, configure_logs, get_logger
from service.telemetry.tracing import Tracing
from tests.telemetry.conftest import Log, logging_put_back


def refuse(error: Exception) -> None:
    raise error


def test_a_line_is_json_with_the_usual_fields_first(log: Log):
    """Time in UTC, level, process, area and event, then what was said."""
    get_logger("orders").info("order paid", order_id="ord_1", amount_minor=12500)

    line = log.lines()[0]
    assert list(line) == ["time", "level", "process", "area", "event", "order_id", "amount_minor"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line["time"]))
    expected = {"level": "info", "process": "serve", "area": "orders", "event": "order paid", "amount_minor": 12500}
    assert line.items() >= expected.items()


def test_a_line_inside_a_span_names_the_trace(log: Log):
    """Trace and span ids are there, sampled or not, so that a log can be found from a trace and back."""
    with Tracing().span("request") as span:
        get_logger("orders").info("inside")
    get_logger("orders").info("outside")

    inside, outside = log.lines()
    assert (inside["trace_id"], inside["span_id"]) == (span.hex_trace_id, span.hex_span_id)
    assert "trace_id" not in outside


def test_what_is_bound_stands_in_every_line_of_the_block(log: Log):
    """An order id is bound once and found in each later line and in the span; after the block it is gone."""
    with Tracing().span("apply") as span, bound(event_id="evt_1"):
        bind(order_id="ord_1")
        logging.getLogger("sqlalchemy.engine").warning("theirs")
        get_logger("webhooks").info("ours")
    get_logger("webhooks").info("after")

    theirs, ours, after = log.lines()
    assert [("evt_1", "ord_1")] * 2 == [(line["event_id"], line["order_id"]) for line in (theirs, ours)]
    assert span.attributes == {"event_id": "evt_1", "order_id": "ord_1"}
    assert "order_id" not in after


def test_standard_logging_has_the_same_form(log: Log):
    """Libraries' lines carry their logger's name as area, placeholders filled, redaction included."""
    logging.getLogger("uvicorn.error").info("Started server on %s for %s", "127.0.0.1", "ana@example.org")

    line = log.lines()[0]
    assert (line["area"], line["level"]) == ("uvicorn.error", "info")
    assert line["event"] == "Started server on 127.0.0.1 for a***@example.org"


def test_wrong_placeholders_of_a_library_break_nothing(log: Log):
    """A record that cannot be formatted is written as it came."""
    record = logging.LogRecord("library", logging.WARNING, __file__, 1, "%d things", ("no number",), None)
    bridge = next(handler for handler in logging.getLogger().handlers if isinstance(handler, Bridge))

    bridge.handle(record)  # not through the logger: the test runner listens there too, and would stumble

    assert log.lines()[0]["event"] == "%d things ('no number',)"


def test_warnings_are_lines_too(log: Log):
    """Python's warnings go where everything goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

    assert "soon gone" in str(log.lines()[0]["event"])
    assert log.lines()[0]["area"] == "py.warnings"


def test_secrets_are_removed_from_keys_values_and_stacks(log: Log):
    """Nothing passes by: fields, nested fields, the event's text, the exception's text."""
    try:
        refuse(ConnectionError("postgresql://cubano:geheim@db refused for ana@example.org"))
    except ConnectionError:
        get_logger("db").exception(
            "sk_test_51abc", headers={"Authorization": "Bearer abcdefghijk"}, card="4242424242424242"
        )

    text = log.getvalue()
    assert not [secret for secret in ("geheim", "51abc", "abcdefghijk", "ana@", "42424242") if secret in text]
    assert log.lines()[0]["headers"] == {"Authorization": "[redacted]"}


def test_an_exception_has_its_stack_once(log: Log):
    """Whoever logs the same exception again on its way up adds a line, not a second stack."""
    try:
        refuse(ValueError("too late"))
    except ValueError as error:
        get_logger("flow").exception("could not settle")
        logging.getLogger("litestar").warning("again", exc_info=error)

    first, second = log.lines()
    assert "Traceback" in str(first["exception"])
    assert "test_an_exception_has_its_stack_once" in str(first["exception"])
    assert second["exception"] == "ValueError: too late"
    assert {first["error_type"], second["error_type"]} == {"ValueError"}
    assert len(log.getvalue().splitlines()) == 2


def test_any_value_can_be_logged(log: Log):
    """Objects, sets, half characters and line breaks end up in one line of JSON."""
    get_logger("x").info("odd\nnews", thing=object(), many={1}, half="\ud800", data=b"raw", number=float("inf"))

    line = log.lines()[0]
    assert line["event"] == "odd\nnews"
    assert (line["many"], line["data"]) == ([1], "<3 bytes>")
    assert len(log.getvalue().splitlines()) == 1


def test_what_json_cannot_say_is_said_nevertheless(log: Log):
    """A number that is none is null, and one of many digits is written out."""
    get_logger("orders").info("odd", ratio=float("nan"), big=2**80)

    line = log.lines()[0]
    assert (None, 2**80) == (line["ratio"], line["big"])


def test_what_is_bound_is_cleaned_as_well(log: Log):
    """What we say ourselves about a line is not looked through; what was bound is."""
    with bound(password="geheim", who="ana@example.org"):
        get_logger("orders").info("inside")

    line = log.lines()[0]
    assert ("[redacted]", "a***@example.org") == (line["password"], line["who"])


def test_lines_below_the_level_are_not_made():
    """Debug is silent at info, for our loggers and for others'."""
    with logging_put_back():
        stream = Log()
        configure_logs("serve", "json", "INFO", stream=stream)
        get_logger("x").debug("no")
        logging.getLogger("library").debug("no")
        get_logger("x").info("yes")

    assert [line["event"] for line in stream.lines()] == ["yes"]


def test_an_area_has_a_level_of_its_own():
    """Quieter or louder than the rest, our loggers and libraries' alike; all others keep to the level of the process."""
    with logging_put_back():
        stream = Log()
        levels = {"http": "WARNING", "worker": "debug", "sqlalchemy.engine": "ERROR", "psycopg": "DEBUG"}
        configure_logs("serve", "json", "INFO", levels=levels, stream=stream)
        for area in ("http", "worker", "orders"):
            get_logger(area).debug(f"{area} debug")
            get_logger(area).info(f"{area} info")
            get_logger(area).warning(f"{area} warning")
        logging.getLogger("sqlalchemy.engine").warning("quiet")
        logging.getLogger("psycopg.pool").debug("loud")
        logging.getLogger("library").debug("no")

    ours = ["http warning", "worker debug", "worker info", "worker warning", "orders info", "orders warning"]
    assert [*ours, "loud"] == [line["event"] for line in stream.lines()]


def test_every_area_can_be_named_in_the_settings():
    """The list that a setting is checked against is the list of our loggers."""
    found = set()
    for path in (Path(__file__).parents[2] / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("get_logger"):
                areas = [*node.args, *(each.value for each in node.keywords if each.arg == "area")]
                found |= {each.value for each in areas if isinstance(each, ast.Constant)}

    assert set(LOG_AREAS) == found


def test_an_exception_inside_a_request_is_told_once_with_its_context(log: Log):
    """One stack, with the trace, the order that was bound and the area, however many layers it passes on its way up."""
    with Tracing().span("request") as span, bound(order_id="ord_1"):
        try:
            refuse(ValueError("too late"))
        except ValueError as error:
            get_logger("completion").error("could not settle", exc_info=error)
            get_logger("http").error("request", exc_info=error)
            logging.getLogger("litestar").exception("again")

    lines = log.lines()
    assert 1 == sum("Traceback" in str(line["exception"]) for line in lines)
    assert {("ord_1", span.hex_trace_id, "ValueError")} == {
        (line["order_id"], line["trace_id"], line["error_type"]) for line in lines
    }


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


class ClosedPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [FullDisk(), ClosedPipe()], ids=["disk full", "pipe closed"])
def test_a_line_that_cannot_be_written_is_counted(stream: io.StringIO):
    """Where a log cannot be kept the work goes on and the loss is a number."""
    lost: list[int] = []
    with logging_put_back():
        configure_logs("serve", "json", "info", stream=stream, on_drop=lost.append)
        get_logger("x").info("ours")
        logging.getLogger("library").warning("theirs")

    assert lost == [1, 1]


def test_a_stream_that_knows_only_ascii_gets_ascii():
    """A terminal without UTF-8 shows an escape instead of stopping the process."""
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, "ascii", write_through=True)
    with logging_put_back():
        configure_logs("serve", "json", "info", stream=terminal)
        get_logger("x").info("la señora")

    assert json.loads(raw.getvalue().replace(b"\\xf1", b"n"))["event"] == "la senora"


def test_the_console_is_for_people():
    """One plain line: clock time, level, area, event, fields; no colour codes where nobody sees colours."""
    with logging_put_back():
        stream = io.StringIO()
        configure_logs("serve", "console", "info", stream=stream)
        get_logger("orders").info("order paid", order_id="ord_1", email="ana@example.org")
        try:
            refuse(ValueError("sk_test_51abc"))
        except ValueError:
            get_logger("orders").exception("broken")

    first, *rest = stream.getvalue().splitlines()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} \[info +\] order paid +\[orders\] ", first)
    assert "order_id=ord_1" in first
    assert "email=a***@example.org" in first
    assert "\x1b" not in first
    assert "ValueError: sk_test_[redacted]" in rest[-1]


def test_configuring_is_the_only_thing_that_touches_globals():
    """Importing the module leaves logging and structlog alone."""
    assert not structlog.is_configured()
    assert "service.telemetry.logs" in sys.modules
