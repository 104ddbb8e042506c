"""What a browser saw that nobody should see: requests to third parties, errors in the console, violated policies."""

from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError

from tests.e2e.local import Local

WITHOUT_NETWORK = {"data", "blob", "about"}
FAILED_LOAD = "Failed to load resource"


class Watch:
    """Listens to every page of one browser profile. `expects` names answers that a test provokes."""

    def __init__(self, context: BrowserContext, local: Local) -> None:
        self.hosts: set[str] = set()
        self._ours = {urlsplit(url).netloc for url in (local.store, local.gateway)}
        self._expected: set[int] = set()
        self._offline = False
        self._errors: list[str] = []
        context.on("request", self._note_request)
        context.on("console", self._note_console)
        context.on("weberror", self._note_error)

    def allows(self, url: str) -> None:
        """This customer also looks at another page of the local system."""
        self._ours.add(urlsplit(url).netloc)

    def expects(self, *statuses: int) -> None:
        """The browser reports these answers as errors; this test asked for them."""
        self._expected |= set(statuses)

    def expects_failures(self) -> None:
        """The net is away: what cannot be loaded is reported too."""
        self._offline = True

    def note(self, complaint: str) -> None:
        """Something else that is not as it should be."""
        self._errors.append(complaint)

    def complaints(self) -> list[str]:
        """Everything that is not as it should be."""
        strangers = [f"a request to {host}" for host in sorted(self.hosts - self._ours)]
        return strangers + [error for error in self._errors if not self._is_expected(error)]

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in WITHOUT_NETWORK:
            self.hosts.add(parts.netloc)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._errors.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _note_error(self, error: WebError) -> None:
        self._errors.append(f"uncaught: {error.error}")

    def _is_expected(self, error: str) -> bool:
        known = [f"status of {status} " for status in self._expected] + ["net::ERR_"] * self._offline
        return FAILED_LOAD in error and any(each in error for each in known)
