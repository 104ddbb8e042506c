"""The conformance kit: every case is asked of every provider that declares what the case is about.

`pytest tests/contract` tries the providers of this project, `--provider NAME` (repeatable) others, by the entry points of
their packages. What a provider does not declare is not asked of it: the case is taken out, not skipped. At the end a table
says what was shown of whom.
"""

from collections.abc import AsyncIterator, Iterator
from functools import cache

import pytest

from service.gateways.base import Capability
from service.gateways.registry import describe
from tests.contract.matrix import Matrix
from tests.contract.stand import Stand
from tests.contract.stands import OURS, find_stand
from tests.contract.trial import Trial, build_gateway

HERE = "tests/contract/"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): asked only of providers that declare all of these")
    config.addinivalue_line("markers", "needs_outside: asked only where a checkout can be looked at from outside")
    config.pluginmanager.register(Matrix(), "contract-matrix")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("provider") or list(OURS)
        metafunc.parametrize("provider", chosen, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what a provider does not declare."""
    out = [each for each in items if _provider_of(each) and not _is_asked(each)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [each for each in items if each not in set(out)]
    for each in items:
        if provider := _provider_of(each):
            each.user_properties += [("provider", provider), ("case", each.name.partition("[")[0])]


def _provider_of(item: pytest.Item) -> str | None:
    return item.callspec.params.get("provider") if hasattr(item, "callspec") and HERE in item.nodeid else None


def _is_asked(item: pytest.Item) -> bool:
    params = item.callspec.params  # type: ignore[attr-defined]  # it has one, or it would have no provider
    declared, stand = _declared(params["provider"]), _stand(params["provider"])
    needed = {each for mark in item.iter_markers("needs") for each in mark.args}
    if any(item.iter_markers("needs_outside")) and not stand.knows:
        return False
    return needed <= declared and ("fault" not in params or params["fault"] in stand.faults)


@cache
def _declared(provider: str) -> frozenset[Capability]:
    return describe(provider).capabilities


@cache
def _stand(provider: str) -> Stand:
    return find_stand(provider)


@pytest.fixture(scope="session")
def running(provider: str) -> Iterator[Stand]:
    """The stand-in of one provider, for all of its cases."""
    found = find_stand(provider)
    found.start()
    yield found
    found.stop()


@pytest.fixture
async def stand(running: Stand) -> AsyncIterator[Stand]:
    """Empty, and listening for events."""
    await running.begin()
    yield running
    await running.mend()
    await running.end()


@pytest.fixture
async def trial(stand: Stand) -> AsyncIterator[Trial]:
    gateway = build_gateway(stand)
    yield Trial(stand, gateway)
    await gateway.close()
