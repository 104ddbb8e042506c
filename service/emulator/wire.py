"""The wire: bracketed form bodies in, JSON out.

`a[b][0][c]=x` becomes `{"a": {"b": [{"c": "x"}]}}`; `a[]=x` appends. Values stay text until `params.py` reads them.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from service.emulator.errors import invalid

Obj = dict[str, Any]

MAX_DEPTH = 8  # deeper than anything the gateway documents; bounds the work on hostile input

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def decode_form(body: bytes) -> Obj:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=2000)
    except ValueError as error:
        raise invalid("Invalid request body: it must be form encoded UTF-8.") from error
    tree: Obj = {}
    for name, value in pairs:
        if "[" in name:
            _place(tree, _path(name), value)
        else:
            tree[name] = value
    for key, value in tree.items():
        if isinstance(value, dict):
            tree[key] = _lists(value)
    return tree


def _path(name: str) -> list[str]:
    head, *rest = name.split("[")
    if not head or len(rest) > MAX_DEPTH or any(not part.endswith("]") for part in rest):
        raise invalid(f"Invalid parameter name: {name}", param=name)
    return [head, *(part[:-1] for part in rest)]


def _place(tree: Obj, path: list[str], value: str) -> None:
    node = tree
    for part in path[:-1]:
        child = node.setdefault(_slot(node, part), {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid parameter: {path[0]} is given both as a value and as an object", param=path[0])
        node = child
    node[_slot(node, path[-1])] = value


def _slot(node: Obj, part: str) -> str:
    return part or str(len(node))  # `a[]` is the next free index


def _lists(node: Obj) -> Any:
    for key, value in node.items():
        if isinstance(value, dict):
            node[key] = _lists(value)
    if node and all(key.isdecimal() for key in node):
        return [node[key] for key in sorted(node, key=int)]
    return node
