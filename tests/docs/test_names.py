"""What a document names exists: links, paths, make targets, commands, settings, metrics, end points."""

import re
import shlex

import click
import pytest

from docs.generate import PARTS
from service.app import create_app
from service.cli import main
from service.settings import FOREIGN, PREFIX, Settings, load_settings
from service.telemetry import catalogue
from tests.docs.documents import Document, documents, named_end_points, named_path, playbooks, resolves
from tests.postgres.names import child_environment
from tests.shape.tree import ROOT

ALL = [*documents(), *playbooks()]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Made by `make up` or `make setup`, so not in the repository.
MADE = (".venv/", ".cubano/")

EXAMPLES = ("CUBANO_BEARBANK_",)  # settings of the provider that 08-integration.md writes

# End points of the stand-in for the gateways, which is another program.
EMULATED = ("/_emulator", "/v1", "/v2", "/pay/")

every_document = pytest.mark.parametrize("document", ALL, ids=lambda document: document.path)


def words_of(document: Document) -> list[list[str]]:
    """Every command line of a document, in blocks and in prose, as words."""
    blocks = [command for block in document.blocks() for command in block.commands]
    prose = [code for code in document.code() if code.split()[0] in {"make", "cubano", ".venv/bin/cubano"}]
    return [shlex.split(line, comments=True) for line in (*blocks, *prose)]


@every_document
def test_links_lead_somewhere(document):
    """Each relative link is a file of the project, each anchor a heading of it."""
    broken = [target for target in document.links() if not resolves(document, target)]

    assert [] == broken


@every_document
def test_paths_exist(document):
    """A path between backticks is one of this project."""
    named = {code: path for code in document.code() if (path := named_path(code)) and not code.startswith(MADE)}

    assert [] == [code for code, path in named.items() if not path.exists()]


@pytest.fixture(scope="module")
def routes() -> list[re.Pattern[str]]:
    """What the application answers, as patterns over paths."""
    app = create_app(load_settings(child_environment("postgresql://nobody@127.0.0.1:9/none")))
    return [re.compile(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(route.path_format))) for route in app.routes]


@every_document
def test_end_points_exist(document, routes):
    """A path that begins with a slash is one the application answers."""
    named = {path for path in named_end_points(document) if not path.startswith(EMULATED)}

    assert set() == {path for path in named if not any(route.fullmatch(path.rstrip("/") or "/") for route in routes)}


@every_document
def test_make_targets_exist(document):
    """`make …` names a target of the Makefile."""
    named = {word for words in words_of(document) if words[0] == "make" for word in words[1:2]}

    assert set() == {word for word in named if re.fullmatch(r"[a-z-]+", word)} - TARGETS


@every_document
def test_commands_and_options_exist(document):
    """`cubano …` names a command of ours, with options it knows."""
    lines = [words[1:] for words in words_of(document) if words[0].endswith("cubano") and len(words) > 1]

    assert [] == [complaint for line in lines if (complaint := _unknown(line))]


def _unknown(words: list[str]) -> str | None:
    command: click.Command = main
    context = click.Context(main, info_name="cubano")
    for word in words:
        if word.startswith("-"):
            option = word.split("=")[0]
            known = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h", "--version"}
            if option not in known:
                return f"{' '.join(words)}: no {option}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return f"{' '.join(words)}: no {word}"
            command = found
    return None


@every_document
def test_settings_exist(document):
    """A CUBANO_… variable is a setting, or belongs to one of the programs beside the service."""
    named = set(re.findall(r"\bCUBANO_[A-Z0-9_]*[A-Z0-9]\b", document.text))
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}

    assert set() == {name for name in named - known if not name.startswith((*FOREIGN, *EXAMPLES))}


@every_document
def test_metrics_are_declared(document):
    """A metric between backticks stands in the catalogue."""
    named = {code for code in document.code() if re.fullmatch(r"cubano_[a-z_]+|(http|db)_[a-z_]+_seconds", code)}

    assert set() == named - {metric.name for metric in catalogue.ALL}


@every_document
def test_generated_parts_have_a_writer(document):
    """A mark for a generated part names one that `make docs` can write."""
    named = set(re.findall(r"<!-- generated: (\w+)", document.text))

    assert named <= set(PARTS)
