"""A place for kept spans that a test can look into: what the exporter's queue would have been given."""

from collections.abc import Callable

from service.telemetry.spans import Span


class Memory:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.dropped = 0
        self.on_drop: Callable[[int], None] = self._count

    def _count(self, spans: int) -> None:
        self.dropped += spans

    def submit(self, spans: list[Span]) -> None:
        self.spans.extend(spans)

    def flush(self) -> None:
        """Nothing waits here."""

    def shutdown(self, timeout: float) -> None:
        """Nothing runs here."""

    def names(self) -> list[str]:
        return [span.name for span in self.spans]
