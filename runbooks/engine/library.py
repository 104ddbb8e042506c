"""The playbooks of a folder, by name and by alert. One that is broken is left out, and takes none of the others along."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from runbooks.engine.faults import BrokenError, Fault
from runbooks.engine.playbook import Playbook
from runbooks.engine.reading import read_playbook

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "runbooks" / "playbooks"


class Library:
    """`faults` are those of the files that could not be read; `texts` holds every file that could, by name."""

    def __init__(
        self, playbooks: Iterable[Playbook], faults: Iterable[Fault] = (), texts: Mapping[str, str] | None = None
    ) -> None:
        self.all = tuple(sorted(playbooks, key=lambda each: each.name))
        self.faults = tuple(faults)
        self.texts = texts or {}
        self._by_name = {each.name: each for each in self.all}
        self._by_alert = {alert: each for each in reversed(self.all) for alert in each.alerts}

    @classmethod
    def load(cls, folder: Path = PLAYBOOKS) -> "Library":
        """All `*.md` of a folder; raises OSError when there is no such folder."""
        found: list[Playbook] = []
        faults: list[Fault] = []
        texts = {}
        for path in sorted(each for each in folder.iterdir() if each.suffix == ".md"):
            try:
                text = path.read_bytes().decode()
                found.append(read_playbook(text, shown(path)))
                texts[path.stem] = text
            except BrokenError as error:
                faults += error.faults
            except UnicodeDecodeError as error:
                faults.append(Fault(shown(path), 1, f"byte {error.start} is no UTF-8", "save the file as UTF-8"))
        return cls(found, faults, texts)

    def get(self, name: str) -> Playbook | None:
        return self._by_name.get(name)

    def for_alert(self, alert: str) -> Playbook | None:
        """The playbook of its name, else the first one that lists it."""
        own = self._by_name.get(alert)
        return own if own is not None and alert in own.alerts else self._by_alert.get(alert)


def shown(path: Path) -> str:
    """A path as it is told: from the project's folder where it lies in there."""
    full = path.absolute()
    return full.relative_to(ROOT).as_posix() if full.is_relative_to(ROOT) else path.as_posix()
