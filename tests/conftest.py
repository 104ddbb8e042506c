"""What every test stands on: one real PostgreSQL a run, a fresh database a test, and no test that leaves a mess.

Fixtures: `database_url` (migrated and seeded clone), `empty_database_url`, `cubano_env` (environment for `cubano` children),
`chromium_path`, `shared_data`. CUBANO_TEST_DATABASE_URL uses a server of yours instead of the embedded one. A skipped test is
named at the end of the run; with CI=true it fails the run unless `tests/house/skips.py` lists its reason. A test marked `alone`
has the machine to itself in `make test`.
"""

import asyncio
import gc
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from _pytest.nodeid import NodeId

from tests.house.measured import Measured
from tests.house.skips import Skips
from tests.postgres.clones import Clones, Run
from tests.postgres.names import child_environment
from tests.stage import emulator_url, paypal_ca_file, plain_logs, stage, stage_clock, stage_settings  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
NOBODY = ROOT / "tests" / "house" / "nobody.pem"

_RUN = pytest.StashKey[Run]()
_FOLDER = pytest.StashKey[Path]()
_GARBAGE = (20_000, 20, 20)
_SETTLE_S = 2.0  # time for threads that were told to end
_LOOPS_OWN_THREADS = ("asyncio_", "AnyIO worker")  # executors end with the event loop, which is closed after the test


# ---- the database ----------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "Payment provider the conformance kit (tests/contract) tries; repeatable. None: those of this project."
    parser.addoption("--provider", action="append", default=[], help=told)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(in_ci=os.environ.get("CI") == "true"))
    config.pluginmanager.import_plugin("tests.house.tries")
    config.pluginmanager.register(Measured())
    # No test speaks TLS to anybody outside, so one authority that nobody has is enough: the usual ones take 20 ms a client.
    os.environ["SSL_CERT_FILE"] = str(NOBODY)
    given = getattr(config, "workerinput", None)
    if given:
        config.stash[_FOLDER] = Path(given["database_folder"])
    elif not config.option.collectonly:
        config.stash[_RUN] = Run()
        config.stash[_FOLDER] = config.stash[_RUN].folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["database_folder"] = str(node.config.stash[_FOLDER])


def pytest_collection_finish() -> None:
    """What was imported and collected stays; to look through it for garbage takes longer than most tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _RUN in config.stash:
        config.stash[_RUN].close()


@pytest.fixture(scope="session")
def clones(pytestconfig: pytest.Config) -> Iterator[Clones]:
    made = Clones(pytestconfig.stash[_FOLDER])
    yield made
    made.close()


@pytest.fixture
def database_url(clones: Clones) -> Iterator[str]:
    """A database of this test alone: migrated, with the sample festival in it."""
    with clones.database() as dsn:
        yield dsn


@pytest.fixture
def empty_database_url(clones: Clones) -> Iterator[str]:
    """A database of this test alone, with nothing in it."""
    with clones.database(migrated=False) as dsn:
        yield dsn


@pytest.fixture
def cubano_env(database_url: str) -> dict[str, str]:
    """The whole environment of a `cubano` child that works on this test's database."""
    return child_environment(database_url)


# ---- things that may be absent ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Any Chromium or Chrome of this machine; the test is skipped, and named, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if found := shutil.which(name):
            return found
    own = [
        *ROOT.glob(".cubano/browsers/chromium-*/*/chrome"),
        *ROOT.glob(".cubano/browsers/chromium-*/*/*.app/Contents/MacOS/*"),
        *Path("/Applications").glob("Google Chrome.app/Contents/MacOS/Google Chrome"),
    ]
    return str(own[0]) if own else pytest.skip("no Chromium or Chrome on this machine (make test gets one)")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """A file of ../shared/data by name; the test is skipped, and named, where it is absent."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        return path if path.exists() else pytest.skip(f"not beside this checkout: ../shared/data/{name}")

    return find


# ---- no test leaves a mess -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def clean_process() -> Iterator[None]:
    """Fails a test that leaves a changed environment, another working directory or running threads behind."""
    before = _environment(), Path.cwd(), set(threading.enumerate())

    yield

    assert before[0] == _environment(), "the test changed os.environ; monkeypatch.setenv() undoes itself"
    assert before[1] == Path.cwd(), "the test changed the working directory"
    assert [] == _threads_left(before[2]), "the test left threads behind"


@pytest.fixture
async def no_tasks_left() -> AsyncIterator[None]:
    """Fails an async test that leaves tasks behind; every async test has it."""
    before = asyncio.all_tasks()

    yield

    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=_SETTLE_S)
    assert [] == [task for task in left if not task.done()], "the test left asyncio tasks behind"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if config.getoption("loadgroup", default=False):
            _keep_together(item)
        if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.obj):
            # Right behind `clean_process`: set up before the test's own fixtures, checked after they are gone.
            place = item.fixturenames.index("clean_process") + 1
            if "no_tasks_left" not in item.fixturenames:  # one list for all cases of a function
                item.fixturenames.insert(place, "no_tasks_left")


def _keep_together(item: pytest.Item) -> None:
    """Tests of one group run one after the other: xdist 3.8 says so in a field that pytest 9.2 does not read any more."""
    groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
    if groups and "@" not in item.nodeid.rpartition("]")[2]:
        item._id = NodeId.parse(f"{item.nodeid}@{'_'.join(groups)}")  # type: ignore[attr-defined]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def _threads_left(before: set[threading.Thread]) -> list[str]:
    deadline = time.monotonic() + _SETTLE_S
    while True:
        left = [t.name for t in set(threading.enumerate()) - before if not t.name.startswith(_LOOPS_OWN_THREADS)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.01)
