"""The import graph is the one in the design, and the rules that say so would notice."""

import pytest

from tests.shape.layers import cycle, layering, module_graph, slices, unit_graph, unplaced
from tests.shape.tree import Source, sources


def test_imports_follow_the_layers():
    """Nobody imports upwards, and each folder outside service/ imports only what it may."""
    complaints = [complaint for source in sources() for complaint in layering(source)]

    assert not complaints, "\n".join(complaints)


def test_every_unit_has_its_place():
    """A new noun stands in the table before it imports anything."""
    assert [] == unplaced(sources("service"))


def test_nouns_do_not_import_in_circles():
    """Units of one row may know each other, but never in a circle."""
    assert [] == cycle(unit_graph(sources("service")))


def test_modules_do_not_import_in_circles():
    """Not even inside one noun."""
    assert [] == cycle(module_graph(sources("service")))


def test_slices_have_the_known_files():
    """A noun has at most five files of the known kinds."""
    assert [] == list(slices(sources("service")))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("service/orders/flow.py", "from service.checkout.flow import start"),  # a noun above
        ("service/kernel/db.py", "import service.orders.tables"),  # out of the kernel
        ("service/kernel/db.py", "def f():\n    from ..orders import tables"),  # relative, and deferred
        ("service/orders/flow.py", "from service import app"),  # the root
        ("service/webhooks/flow.py", "from service.orders.flow import advance"),  # more than gateways and kernel
        ("service/telemetry/logs.py", "from service.kernel import clock"),  # imports nothing of ours
        ("service/emulator/app.py", "from service.kernel import ids"),  # shares no code
        ("service/local/cli.py", "from service.emulator import app"),  # another program
        ("service/orders/flow.py", "from service.settings import Settings"),  # passed down
        ("service/orders/flow.py", "from tests.orders import builders"),  # outside
        ("service/app.py", "import importlib\nimportlib.import_module('runbooks.engine')"),  # by name
        ("monitoring/build.py", "from service.orders import machine"),  # only the telemetry
        ("runbooks/engine/run.py", "from service.kernel import ids"),
        ("loadtests/buy.py", "from monitoring import signals"),
        ("service/raffle/flow.py", "from service.kernel import ids"),  # a noun without a place
    ],
)
def test_a_forbidden_import_is_noticed(path, text):
    """Each way to break the layers is one complaint."""
    assert 1 == len(list(layering(Source(path, text))))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("service/app.py", "from service.orders import api\nfrom service.settings import Settings"),
        ("service/checkout/flow.py", "from service.catalog.flow import hold\nfrom service.kernel.money import Money"),
        ("service/webhooks/flow.py", "from service.gateways.base import Gateway"),
        ("service/orders/flow.py", "from . import tables\nfrom .rules import total"),
        ("runbooks/cli.py", "from monitoring.signals import rows\nfrom service.telemetry import catalogue"),
    ],
)
def test_an_allowed_import_is_not_noticed(path, text):
    """What the picture allows passes."""
    assert [] == list(layering(Source(path, text)))


def test_circles_are_noticed():
    """Between nouns of one row, and between files of one noun."""
    nouns = (
        Source("service/refunds/flow.py", "from service.books.flow import post"),
        Source("service/books/flow.py", "from service.refunds import rules"),
    )
    files = (Source("service/orders/a.py", "from . import b"), Source("service/orders/b.py", "import service.orders.a"))

    assert ["books", "refunds", "books"] == cycle(unit_graph(nouns))
    assert ["service.orders.a", "service.orders.b", "service.orders.a"] == cycle(module_graph(files))


def test_strange_and_too_many_files_are_noticed():
    """A file of another name, and a sixth file."""
    strange = [Source("service/orders/manager.py", "")]
    many = [Source(f"service/orders/{name}.py", "") for name in ("api", "flow", "rules", "machine", "tables", "views")]

    assert 1 == len(list(slices(strange)))
    assert 1 == len(list(slices(many)))
