"""The vendor's published shapes: every answer and every event's resource of a test is held against them.

They forbid no unknown field, so that is held by hand: what an answer holds must be named somewhere in its schema.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

FILES = {
    "orders": "checkout_orders_v2.json",
    "payments": "payments_payment_v2.json",
    "webhooks": "notifications_webhooks_v1.json",
}
ANSWERS = {  # the path of an answer, without its ids -> file and schema
    "/v2/checkout/orders": ("orders", "order"),
    "/v2/checkout/orders/*": ("orders", "order"),
    "/v2/checkout/orders/*/capture": ("orders", "order"),
    "/v2/payments/captures/*": ("payments", "capture-2"),
    "/v2/payments/captures/*/refund": ("payments", "refund"),
    "/v2/payments/refunds/*": ("payments", "refund"),
    "/v1/notifications/webhooks": ("webhooks", "WebhookList"),
    "/v1/notifications/webhooks-events": ("webhooks", "EventList"),
    "/v1/notifications/webhooks-events/*": ("webhooks", "event"),
    "/v1/notifications/webhooks-events/*/resend": ("webhooks", "event"),
    "/v1/notifications/verify-webhook-signature": ("webhooks", "verify_webhook_signature_response"),
}
RESOURCES = {
    "checkout-order": ("orders", "order"),
    "capture": ("payments", "capture-2"),
    "refund": ("payments", "refund"),
}
NOUNS = {"checkout", "orders", "capture", "payments", "captures", "refund", "refunds", "notifications", "resend",
         "webhooks", "webhooks-events", "verify-webhook-signature", "reporting", "transactions", "customer", "disputes", "certs",
         "oauth2", "token", "v1", "v2"}  # fmt: skip


class Published:
    """Compiled once; counts what it held."""

    def __init__(self, folder: Path) -> None:
        self._files = {name: json.loads((folder / file).read_text()) for name, file in FILES.items()}
        self._validators: dict[tuple[str, str], Any] = {}
        self.checked = 0

    def check(self, path: str, status: int, answer: Any) -> None:
        """Raises with what is wrong; answers without a published schema pass."""
        parts = path.removeprefix("/paypal").split("/")
        template = "/".join(part if part in NOUNS or not part else "*" for part in parts)
        if template not in ANSWERS:
            return
        file, schema = ANSWERS[template]
        if status >= 400:
            self._refusal(file, status, answer)
            return
        self.hold(file, schema, answer)
        for event in answer.get("events", [answer] if "event_type" in answer else []):
            self.event(event)

    def _refusal(self, file: str, status: int, answer: dict[str, Any]) -> None:
        named = f"error_{status}"
        if "error" not in answer and named in self._files[file]["components"]["schemas"]:
            self.hold(file, named, answer)

    def event(self, event: dict[str, Any]) -> None:
        self.hold("webhooks", "event", event)
        if event["resource_type"] in RESOURCES:
            self.hold(*RESOURCES[event["resource_type"]], event["resource"])

    def hold(self, file: str, schema: str, instance: Any) -> None:
        self.checked += 1
        whole = self._files[file]
        found = self._validators.get((file, schema))
        if found is None:
            document = {"$ref": f"#/components/schemas/{schema}", "components": whole["components"]}
            found = self._validators[file, schema] = jsonschema_rs.Draft7Validator(document)
        wrong = [f"{list(error.instance_path)}: {error.message[:200]}" for error in found.iter_errors(instance)]
        wrong += self._unknown(file, {"$ref": f"#/components/schemas/{schema}"}, instance, schema)
        assert not wrong, f"{schema}: " + "\n".join(wrong)

    def _unknown(self, file: str, schema: dict[str, Any], instance: Any, at: str) -> list[str]:
        if isinstance(instance, list):
            items = self._merged(file, schema).get("items", {})
            return [wrong for each in instance for wrong in self._unknown(file, items, each, f"{at}[]")]
        merged = self._merged(file, schema)
        if not isinstance(instance, dict) or not merged.get("properties") or merged.get("additionalProperties") is True:
            return []
        wrong = [f"{at}.{name} is not published" for name in instance if name not in merged["properties"]]
        for name, value in instance.items():
            wrong += self._unknown(file, merged["properties"].get(name, {}), value, f"{at}.{name}")
        return wrong

    def _merged(self, file: str, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with everything it refers to and is made of in one."""
        if "$ref" in schema:
            return self._merged(file, self._files[file]["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        merged = {**schema, "properties": dict(schema.get("properties", {}))}
        for part in schema.get("allOf", ()):
            merged["properties"] |= self._merged(file, part)["properties"]
        return merged
