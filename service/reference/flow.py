"""From the OpenAPI document to what the page shows: references resolved, examples as text, one curl line each. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
    )


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
        yield Field(here, _kind(child), name in required, child.get("description", ""))
        yield from _fields(document, child, f"{here}.")
        if "items" in child:
            yield from _fields(document, child["items"], f"{here}[].")


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and take the real type out of "it or null"."""
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
    shown = path.replace("{orderId}", "$ORDER_ID")
    parts = [f"curl {base_url}{shown}"] if method == "get" else [f"curl -X {method.upper()} {base_url}{shown}"]
    headers = [each for each in operation.get("parameters", []) if each["in"] == "header"]
    parts += [f"  -H '{each['name']}: {each.get('example', 'Bearer $ACCESS_TOKEN')}'" for each in headers]
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, media in content.items():
        examples: dict[str, dict[str, Any]] = media.get("examples", {})
        example: Any = next((each["value"] for each in examples.values()), {})
        parts += [f"  -H 'Content-Type: {media_type}'", f"  -d '{json.dumps(example, ensure_ascii=False)}'"]
    return " \\\n".join(parts).replace("'Authorization: Bearer $ACCESS_TOKEN'", '"Authorization: Bearer $ACCESS_TOKEN"')


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
