"""What Alertmanager and Prometheus tell, as alarms. Pure: bytes in, alarms out, or a sentence that says what is wrong.

Both are believed only so far: a name, labels that are words, a time. What is longer or more than a real system ever sends is
refused whole, because half a message is no message.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from runbooks.engine.runs import Alarm

MOST_BYTES = 1_000_000  # a group of a thousand alerts has half of that
MOST_ALERTS = 1_000
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # a year of 0001 is Alertmanager's "none"
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)  # the end of the year 9999 is none in another zone

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=100)]
_Text = Annotated[str, msgspec.Meta(max_length=4_000)]
_Labels = Annotated[dict[_Name, _Text], msgspec.Meta(max_length=64)]


class NoAlarmsError(ValueError):
    """The message is none of Alertmanager's or Prometheus'."""


class _Told(msgspec.Struct):
    status: Literal["firing", "resolved"]
    labels: _Labels
    startsAt: datetime  # noqa: N815 - the wire's name
    annotations: _Labels = {}


class _Group(msgspec.Struct):
    version: Literal["4"]
    alerts: Annotated[list[_Told], msgspec.Meta(max_length=MOST_ALERTS)]


class _Polled(msgspec.Struct):
    state: Literal["firing", "pending", "inactive"]
    labels: _Labels
    activeAt: datetime  # noqa: N815 - the wire's name
    annotations: _Labels = {}


class _PolledAll(msgspec.Struct):
    alerts: Annotated[list[_Polled], msgspec.Meta(max_length=10 * MOST_ALERTS)]


def read_group(body: bytes) -> list[Alarm]:
    """The alarms of one call of Alertmanager (webhook, version 4); `NoAlarmsError` says what is wrong with it."""
    group = _decoded(body, _Group)
    return [_alarm(each.labels, each.startsAt, each.status, each.annotations) for each in group.alerts]


def read_alerts(told: list[dict[str, Any]]) -> list[Alarm]:
    """What fires, of the list that Prometheus keeps."""
    try:
        found = msgspec.convert({"alerts": told}, _PolledAll)
    except msgspec.ValidationError as error:
        raise NoAlarmsError(str(error)) from None
    return [
        _alarm(each.labels, each.activeAt, "firing", each.annotations)
        for each in found.alerts
        if each.state == "firing"
    ]


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoAlarmsError(str(error)) from None


def _alarm(labels: Mapping[str, str], at: datetime, status: str, annotations: Mapping[str, str]) -> Alarm:
    name = labels.get("alertname", "")
    if not name:
        raise NoAlarmsError("an alert has no alertname")
    if at.tzinfo is None or not _EARLIEST <= at < _LATEST:
        raise NoAlarmsError(f"{name} began at no time: {at.isoformat()}")
    others = {key: value for key, value in labels.items() if key != "alertname"}
    return Alarm(name, others, at.astimezone(UTC).isoformat(), status, dict(annotations))
