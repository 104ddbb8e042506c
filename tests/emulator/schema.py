"""The vendor's published shapes: every answer and event of a test is held against them."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from service.emulator.world import API_VERSION

UNPUBLISHED = ("item", "balance", "v2.core.event")  # not in the file


class Shapes:
    """Compiled once: objects by their `object`, events by their `type`, errors."""

    def __init__(self, path: Path) -> None:
        self._schema = json.loads(gzip.decompress(path.read_bytes()))
        assert self._schema["x-stripe-api-version"] == API_VERSION
        self._validators: dict[tuple[str, str], Any] = {}
        self.checked = 0

    def check(self, answer: dict[str, Any]) -> None:
        """Raises with the path of what is wrong; a list is checked entry by entry."""
        self.checked += 1
        if "error" in answer:
            self._hold("objects", "error", answer["error"])
        elif "next_page_url" in answer:  # a list of v2
            assert {"data", "next_page_url", "previous_page_url"} == answer.keys()
        elif answer["object"] == "search_result":
            assert {"object", "data", "has_more", "next_page", "url"} == answer.keys()
            for entry in answer["data"]:
                self.check(entry)
        elif answer["object"] == "list":
            assert {"object", "data", "has_more", "url"} == answer.keys()
            for entry in answer["data"]:
                self.check(entry)
        elif answer["object"] == "event":
            self._event(answer)
        elif answer["object"] not in UNPUBLISHED:
            self._hold("objects", answer["object"], answer)

    def _event(self, event: dict[str, Any]) -> None:
        known = event["type"] in self._schema["events"]
        self._hold("events" if known else "objects", event["type"] if known else "event", event)
        self.check(event["data"]["object"])

    def _hold(self, part: str, name: str, instance: dict[str, Any]) -> None:
        found = self._validators.get((part, name))
        if found is None:
            whole = {"$ref": self._schema[part][name]["$ref"], "definitions": self._schema["definitions"]}
            found = self._validators[part, name] = jsonschema_rs.Draft7Validator(whole)
        errors = [f"{name} {list(error.instance_path)}: {error.message[:200]}" for error in found.iter_errors(instance)]
        if errors:
            raise AssertionError("\n".join(errors))
