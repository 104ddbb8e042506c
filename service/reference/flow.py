"""From the OpenAPI document to what the page shows: references resolved, examples as text, one curl line each. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_SHOUTED = {"orderId": "ORDER_ID"}
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """One field of a body, its path written with dots and brackets."""

    path: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class Answer:
    status: str
    description: str
    media_type: str
    examples: tuple[tuple[str, str], ...]  # (title, JSON)


@dataclass(frozen=True)
class Endpoint:
    anchor: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: tuple[dict[str, Any], ...]
    fields: tuple[Field, ...]
    answer_fields: tuple[Field, ...]
    curl: str
    answers: tuple[Answer, ...]
    needs: str


def endpoints_of(document: dict[str, Any], *, base_url: str) -> list[Endpoint]:
    """Every operation of the document, in its order."""
    return [
        _endpoint(document, path, method, operation, base_url)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def _endpoint(document: dict[str, Any], path: str, method: str, operation: dict[str, Any], base_url: str) -> Endpoint:
    answers = operation.get("responses", {})
    good: dict[str, Any] = next((answers[status] for status in answers if status.startswith("2")), {})
    return Endpoint(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        tag=(operation.get("tags") or [""])[0],
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=tuple({**each, "schema": _kind(each.get("schema", {}))} for each in operation.get("parameters", [])),
        fields=tuple(_fields(document, _schema(operation.get("requestBody", {})))),
        answer_fields=tuple(_fields(document, _schema(good))),
        curl=_curl(path, method, operation, base_url),
        answers=tuple(_answer(status, answer) for status, answer in answers.items()),
        needs=_needs(document, operation),
    )


def _needs(document: dict[str, Any], operation: dict[str, Any]) -> str:
    """Who may ask, in a sentence; empty for anybody."""
    ways = [name for each in operation.get("security", []) for name in each]
    told = {"apiKey": "an API key", "staffSession": "a session of staff", "orderToken": "the order's access token"}
    known = [told[each] for each in ways if each in told and each in document["components"]["securitySchemes"]]
    permission = operation.get("x-permission")
    return f"{', or '.join(known)}; permission `{permission}`" if permission else ""


def by_tag(endpoints: list[Endpoint], document: dict[str, Any]) -> list[tuple[str, str, list[Endpoint]]]:
    """The endpoints in groups, in the order of the document's tags: name, description, endpoints."""
    tags = {each["name"]: each.get("description", "") for each in document.get("tags", [])}
    names = [*tags, *dict.fromkeys(each.tag for each in endpoints if each.tag not in tags)]
    return [(name, tags.get(name, ""), [each for each in endpoints if each.tag == name]) for name in names]


def _answer(status: str, answer: dict[str, Any]) -> Answer:
    media_type, content = _content(answer)
    examples = tuple(
        (each.get("summary") or name, _pretty(each.get("value"))) for name, each in content.get("examples", {}).items()
    )
    return Answer(status, answer.get("description", ""), media_type, examples)


def _schema(holder: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = _content(holder)[1].get("schema", {})
    return schema


def _content(holder: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The one media type of a body, and what is said of it."""
    content: dict[str, dict[str, Any]] = holder.get("content", {})
    return next(iter(content.items()), ("", {}))


def _fields(document: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[Field]:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, raw in schema.get("properties", {}).items():
        child = _resolved(document, raw)
        here = f"{path}{name}"
        told = raw.get("description") or child.get("description", "")
        yield Field(here, _kind(child), name in required, told)
        yield from _fields(document, child, f"{here}.")
        if "items" in child:
            yield from _fields(document, child["items"], f"{here}[].")


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and take the real type out of "it or null"."""
    if len(schema.get("allOf", [])) == 1:
        return _resolved(document, schema["allOf"][0])
    if "$ref" in schema:
        return _resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    choices = [each for each in schema.get("oneOf", []) if each.get("type") != "null"]
    if len(choices) == 1:
        return _resolved(document, choices[0])
    return schema


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "oneOf" in schema:
        return " or ".join(_kind(each) for each in schema["oneOf"])
    kind = schema.get("type", "object")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} ({schema['format']})" if "format" in schema else text


def _curl(path: str, method: str, operation: dict[str, Any], base_url: str) -> str:
    shown = re.sub(r"\{(\w+)\}", lambda found: f"${_SHOUTED.get(found[1], found[1].upper())}", path)
    needed = [each for each in operation.get("parameters", []) if each["in"] == "query" and each.get("required")]
    if needed:
        shown += "?" + "&".join(f"{each['name']}={quote(_shown(each))}" for each in needed)
    address = f"'{base_url}{shown}'" if needed else f"{base_url}{shown}"
    parts = [f"curl {address}"] if method == "get" else [f"curl -X {method.upper()} {address}"]
    headers = [each for each in operation.get("parameters", []) if each["in"] == "header"]
    shown_headers = {each["name"]: _shown(each) for each in headers}
    if "x-permission" in operation:
        shown_headers.setdefault("Authorization", "Bearer $API_KEY")
    parts += [f"  -H '{name}: {value}'" for name, value in shown_headers.items()]
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, media in content.items():
        examples: dict[str, dict[str, Any]] = media.get("examples", {})
        of_schema = media.get("schema", {}).get("examples", [{}])
        example: Any = next((each["value"] for each in examples.values()), of_schema[0])
        parts += [f"  -H 'Content-Type: {media_type}'", f"  -d '{json.dumps(example, ensure_ascii=False)}'"]
    # A shell reads what stands for the reader's own value only within double quotes.
    return re.sub(r"'(Authorization: Bearer \$\w+)'", r'"\1"', " \\\n".join(parts))


def _shown(parameter: dict[str, Any]) -> str:
    examples = [each.get("value") for each in parameter.get("examples", {}).values()]
    examples += parameter["schema"].get("examples", [])
    return str(parameter.get("example") or next(iter(examples), "Bearer $ACCESS_TOKEN"))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
