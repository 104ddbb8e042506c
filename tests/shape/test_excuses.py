"""Every excuse on a list of this folder has a reason and still excuses something that exists."""

from collections.abc import Mapping

import pytest

from tests.shape import catches, imports, money, names, sizes, states
from tests.shape.tree import ROOT, sources


@pytest.mark.parametrize(
    "excuses",
    [catches.OUTERMOST, imports.MAY_READ_ENVIRONMENT, money.EXCUSED, names.EXCUSED, sizes.EXCUSED, states.EXCUSED],
    ids=["catches", "environment", "money", "names", "sizes", "states"],
)
def test_excuses_exist(excuses: Mapping[str, str]):
    """A file or function that is gone is taken off its list, and nobody is excused without a reason."""
    functions = {f"{source.path}:{name}" for source in sources() for name, _ in source.functions()}
    gone = [place for place in excuses if place not in functions and not (ROOT / place).exists()]

    assert [] == gone
    assert all(excuses.values())
