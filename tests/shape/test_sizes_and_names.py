"""Files and functions stay small, names say something, modules open with a promise."""

import pytest

from tests.shape.names import empty_names, without_promise
from tests.shape.sizes import too_large
from tests.shape.tree import Source, sources


def test_files_and_functions_are_small():
    """300 lines a file, 40 a function, five positional parameters."""
    complaints = [complaint for source in sources() for complaint in too_large(source)]

    assert not complaints, "\n".join(complaints)


def test_names_say_something():
    """No Service, Manager, Helper, Util, Base or Impl."""
    complaints = [complaint for source in sources() for complaint in empty_names(source)]

    assert not complaints, "\n".join(complaints)


def test_modules_open_with_their_promise():
    """Each module of the project has a docstring."""
    complaints = [complaint for source in sources() for complaint in without_promise(source)]

    assert not complaints, "\n".join(complaints)


LONG = "def long():\n" + "    x = 1\n" * 40


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 301,
        LONG,
        f"class Order:\n{''.join(f'    {line}' for line in LONG.splitlines(keepends=True))}",
        "def many(a, b, c, d, e, f): ...",
        "async def many(self, a, b, c, d, /, e, f): ...",
    ],
)
def test_a_large_thing_is_noticed(text):
    """One line or one parameter too many is one complaint."""
    assert 1 == len(list(too_large(Source("service/orders/flow.py", text))))


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 300,
        'def told():\n    """' + "line\n" * 50 + '"""\n    return 1\n',  # the docstring does not count
        "def few(self, a, b, c, d, e, *, f, g, h): ...",
    ],
)
def test_a_thing_of_the_right_size_is_not_noticed(text):
    """The limits themselves are allowed."""
    assert [] == list(too_large(Source("service/orders/flow.py", text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("service/orders/utils.py", ""),
        ("service/orders/order_helper.py", ""),
        ("service/order_service/__init__.py", ""),
        ("service/orders/flow.py", "class OrderService: ..."),
        ("service/orders/flow.py", "class MoneyUtils: ..."),
        ("service/orders/flow.py", "class OrderManager: ..."),
        ("service/orders/flow.py", "def f():\n    class HTTPBase: ..."),
    ],
)
def test_an_empty_name_is_noticed(path, text):
    """In file, folder and class names, in any writing."""
    assert 1 == len(list(empty_names(Source(path, text))))


def test_a_name_that_only_contains_the_letters_is_not_noticed():
    """`Based`, `Utility` and `implements` are words of their own."""
    text = "class Database: ...\nclass Simplified: ...\nclass Utility: ..."

    assert [] == list(empty_names(Source("service/kernel/db.py", text)))


def test_a_module_without_promise_is_noticed():
    """Code without a docstring is a complaint; an empty __init__.py is not."""
    assert 1 == len(list(without_promise(Source("service/orders/flow.py", "x = 1"))))
    assert [] == list(without_promise(Source("service/orders/__init__.py", "")))
