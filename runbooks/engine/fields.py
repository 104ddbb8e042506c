"""YAML with the line of each key, and no more of YAML than a playbook needs. Pure.

Mappings, lists and plain scalars; aliases, anchors and tags are refused, and so is a key that stands twice. `true` and
`false` are the only switches: `yes`, `no`, `on` and `off` are words, as in YAML 1.2.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from runbooks.engine.faults import Faults, meant

DEEPEST = 8  # mappings within lists within mappings; a playbook needs four

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,14})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
_NOT_ALLOWED = (
    "write it out: aliases, anchors and tags (&, *, !) are not read here; put a text that begins so in quotes"
)

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Field:
    """A value with its line: a scalar, a list of fields, or fields by key."""

    line: int
    value: "Scalar | list[Field] | dict[str, Field]"


def parse(text: str, line: int, faults: Faults) -> Field | None:
    """The value written in `text`, whose first line is `line` of the file; None when it cannot be read, which is a fault."""
    try:
        if not _is_plain(text, line, faults):
            return None
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it has characters that YAML does not allow"
        at = line + mark.line if mark is not None else line
        faults.add(at, f"this is no YAML: {what}", "write `key: value` lines, and texts with : # { or [ in quotes")
        return None
    return Field(line, {}) if node is None else _field(node, line, faults)


def _is_plain(text: str, line: int, faults: Faults) -> bool:
    depth, before = 0, len(faults.found)
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        at = line + (event.start_mark.line if event.start_mark is not None else 0)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            faults.add(at, "this is nested too deeply", "put { and } of a placeholder in quotes")
            return False
        if isinstance(event, yaml.NodeEvent) and (event.anchor or getattr(event, "tag", None)):
            faults.add(at, "aliases, anchors and tags are refused", _NOT_ALLOWED)
    return len(faults.found) == before


def _field(node: Node, first: int, faults: Faults) -> Field:
    line = first + node.start_mark.line
    if isinstance(node, SequenceNode):
        return Field(line, [_field(each, first, faults) for each in node.value])
    if not isinstance(node, MappingNode):
        return Field(line, _scalar(node))
    found: dict[str, Field] = {}
    for key, value in node.value:
        at = first + key.start_mark.line
        if not isinstance(key, ScalarNode):
            faults.add(at, "a key is a word", 'put a placeholder in quotes: "{provider}"')
        elif key.value in found:
            faults.add(at, f"{key.value} stands twice", "leave one of them out")
        else:
            found[key.value] = Field(at, _field(value, first, faults).value)
    return Field(line, found)


def _scalar(node: Node) -> Scalar:
    text = str(node.value)
    if getattr(node, "style", None) is not None:
        return text
    if text in {"true", "false"}:
        return text == "true"
    if text in {"", "~", "null"}:
        return None
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def words(value: Scalar) -> str:
    """A scalar as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def only(fields: dict[str, Field], keys: Iterable[str], what: str, faults: Faults) -> Iterator[str]:
    """The keys that are known; the others are faults."""
    known = tuple(keys)
    for key, field in fields.items():
        if key in known:
            yield key
        else:
            faults.add(field.line, f"{what} has no key {key}", meant(key, known))
