"""Errors are caught by name; tests assert, are counted, and mock nothing of ours."""

import pytest

from tests.shape.catches import broad_catches
from tests.shape.habits import mocks, silent_tests, skipped_files
from tests.shape.tree import Source, sources


def test_errors_are_caught_by_name():
    """Only the outermost loops that are listed catch anything."""
    complaints = [complaint for source in sources() for complaint in broad_catches(source)]

    assert not complaints, "\n".join(complaints)


def test_every_test_asserts_and_says_what():
    """A test without an assertion or without a sentence is none."""
    complaints = [complaint for source in sources("tests") for complaint in silent_tests(source)]

    assert not complaints, "\n".join(complaints)


def test_nobody_mocks_our_own_code():
    """Fakes speak the wire; time, ids and addresses are arguments."""
    complaints = [complaint for source in sources("tests") for complaint in mocks(source)]

    assert not complaints, "\n".join(complaints)


def test_every_skip_is_counted():
    """No test file skips itself as a whole."""
    complaints = [complaint for source in sources("tests") for complaint in skipped_files(source)]

    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    try:\n        g()\n    except Exception:\n        pass",
        "def f():\n    try:\n        g()\n    except (ValueError, BaseException) as error:\n        raise X from error",
        "def f():\n    try:\n        g()\n    except:\n        log()",
        "def f():\n    with contextlib.suppress(Exception):\n        g()",
    ],
)
def test_a_broad_catch_is_noticed(text):
    """Also as part of a tuple, bare, or as suppress."""
    assert 1 == len(list(broad_catches(Source("service/orders/flow.py", text))))


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    try:\n        g()\n    except ValueError:\n        pass",
        "def f():\n    try:\n        g()\n    except BaseException:\n        stop()\n        raise",
    ],
)
def test_a_named_catch_and_a_clean_up_are_not_noticed(text):
    """What raises on hides nothing."""
    assert [] == list(broad_catches(Source("service/orders/flow.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        'def test_x():\n    """Says."""\n    f()',
        "def test_x():\n    assert f()",
        'async def test_x():\n    """Says."""',
    ],
)
def test_a_silent_test_is_noticed(text):
    """No assertion, or no sentence."""
    assert 1 == len(list(silent_tests(Source("tests/orders/test_x.py", text))))


@pytest.mark.parametrize(
    "text",
    [
        'def test_x():\n    """Says."""\n    assert 1 == f()',
        'def test_x():\n    """Says."""\n    with pytest.raises(ValueError):\n        f()',
        'async def test_x(page):\n    """Says."""\n    await expect(page).to_have_title("x")',
    ],
)
def test_an_asserting_test_is_not_noticed(text):
    """assert, pytest.raises, Playwright's expect."""
    assert [] == list(silent_tests(Source("tests/orders/test_x.py", text)))


@pytest.mark.parametrize(
    "text",
    [
        "from unittest import mock",
        "import unittest.mock",
        "def test_x(mocker): ...",
        "def test_x(monkeypatch):\n    monkeypatch.setattr('service.kernel.clock.utc_now', f)",
        "from service.kernel import clock\ndef test_x(monkeypatch):\n    monkeypatch.setattr(clock, 'utc_now', f)",
    ],
)
def test_a_mock_is_noticed(text):
    """By library, by fixture, by patch."""
    assert 1 == len(list(mocks(Source("tests/orders/test_x.py", text))))


@pytest.mark.parametrize(
    "text",
    ["pytest.importorskip('x')", "pytest.skip('x', allow_module_level=True)", "@pytest.mark.skipif(x)\ndef f(): ..."],
)
def test_an_uncounted_skip_is_noticed(text):
    """Whole modules and conditions at import."""
    assert 1 == len(list(skipped_files(Source("tests/orders/test_x.py", text))))
