"""What a drill asks the running system: the responder about its run, the service about its switches and its promises.

Only addresses and keys that `cubano up` prints; the person is one of the two of the local system.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from runbooks.drills.stack import Stack

TIMEOUT_S = 10
CHECK_S = 90  # the promises read whole tables
LATER = 5  # times that it comes again when it is told to come later: a drill's limits hold for its own questions, too


@dataclass
class Scene:
    """The clients of one drill."""

    stack: Stack
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=TIMEOUT_S))

    # ---- the responder ---------------------------------------------------------------------------------------------

    def runs(self, playbook: str, since: float) -> list[dict[str, Any]]:
        """Its runs of a playbook that began after a moment, the newest first; none while it does not answer."""
        found = self._respond("GET", "/api/runs") or {"runs": []}
        return [each for each in found["runs"] if each["playbook"] == playbook and each["began"] >= since - 1]

    def all_runs(self, since: float) -> list[dict[str, Any]]:
        found = self._respond("GET", "/api/runs") or {"runs": []}
        return [each for each in found["runs"] if each["began"] >= since - 1]

    def start(self, playbook: str, person: str = "ana") -> bool:
        """A run by hand; whether it began."""
        return self._respond("POST", "/api/runs", {"playbook": playbook}, person) is not None

    def run(self, run: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._respond("GET", f"/api/runs/{run}")
        return found

    def tell(self, run: str, verb: str, body: dict[str, Any], person: str = "ana") -> dict[str, Any] | None:
        """Approve, refuse, answer, abort; None when it said no or did not answer."""
        found: dict[str, Any] | None = self._respond("POST", f"/api/runs/{run}/{verb}", body, person)
        return found

    def status(self, run: str, verb: str, body: dict[str, Any], person: str = "ana") -> int | None:
        """How that was answered, whatever it was; None when it was not."""
        answer = self._send("POST", f"/api/runs/{run}/{verb}", body, person)
        return None if answer is None else answer.status_code

    def journal(self, run: str) -> list[dict[str, Any]]:
        """What the responder has written down about a run, oldest first; nothing while it does not answer."""
        found = self._respond("GET", f"/api/journal?run={run}&limit=500") or {"entries": []}
        return list(found["entries"])

    def died(self) -> bool:
        """Whether the responder was killed at the point of `kill`; it leaves a mark as the last thing it does."""
        return (self.stack.folder / "state" / "respond" / "died").exists()

    def journal_faults(self) -> list[str]:
        """What is wrong with the responder's journal."""
        found = self._respond("GET", "/api/journal/verify")
        return ["the responder does not answer"] if found is None else list(found["faults"])

    def _respond(self, method: str, path: str, body: Any = None, person: str = "ana") -> Any:
        answer = self._send(method, path, body, person)
        return answer.json() if answer is not None and answer.is_success else None

    def _send(self, method: str, path: str, body: Any, person: str) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.stack.found['operators'][person]}"}
        try:
            url = f"{self.stack.found['responder']}{path}"
            return self.http.request(method, url, json=body, headers=headers)
        except httpx.TransportError:
            return None

    # ---- the service -----------------------------------------------------------------------------------------------

    def moved_switches(self, *, for_good: bool = False) -> list[str]:
        """Switches that do not stand where they usually do; `unknown` while nobody answers.

        `for_good`: only those that would not go back by themselves, either.
        """
        found = self._ops("GET", "/api/ops/switches")
        if found is None:
            return ["unknown"]
        moved = [each for each in found["switches"] if each["value"] != each["default"]]
        return [each["name"] for each in moved if not (for_good and each["until"])]

    def broken_promises(self) -> list[str]:
        """Promises that do not hold, checked now."""
        body = {"reason": "end of a drill"}
        found = self._ops("POST", "/api/ops/invariants/check", body, timeout=CHECK_S)
        if found is None:
            return ["the service does not answer"]
        return [each["name"] for each in found["invariants"] if each["last"] and each["last"]["violations"]]

    def audited(self, run: str) -> list[str]:
        """What the service's own audit trail says that a run has done, the newest first."""
        found = self._ops("GET", "/api/ops/audit?limit=200", key="auditor") or {"entries": []}
        return [each["action"] for each in found["entries"] if f"run {run}" in str((each["after"] or {}).get("reason"))]

    def dead_letters(self) -> int | None:
        found = self._ops("GET", "/api/ops/inbox?state=dead&limit=50")
        return None if found is None else len(found["events"])

    def _ops(
        self, method: str, path: str, body: Any = None, *, timeout: float = TIMEOUT_S, key: str = "on_call"
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.stack.found['api_keys'][key]}"}
        for _ in range(LATER):
            try:
                url = f"{self.stack.found['api']}{path}"
                answer = self.http.request(method, url, json=body, headers=headers, timeout=timeout)
            except httpx.TransportError:
                return None
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return answer.json() if answer.is_success else None
            time.sleep(min(float(answer.headers.get("Retry-After", 1)), TIMEOUT_S))
        return None

    def charges(self) -> list[dict[str, Any]]:
        """Every session and order of the gateways, with what was really charged."""
        found: list[dict[str, Any]] = (
            self.http.get(f"{self.stack.emulator}/truth").raise_for_status().json()["payments"]
        )
        return found


def wait_for(asked: Any, within_s: float, every_s: float = 0.3) -> Any:
    """The first answer that is something, or None."""
    deadline = time.monotonic() + within_s
    while True:
        found = asked()
        if found or time.monotonic() > deadline:
            return found or None
        time.sleep(every_s)
