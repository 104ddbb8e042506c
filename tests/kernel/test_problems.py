"""Errors and the one table that maps them: every error is classified, and nothing of our inside is told."""

import psycopg
import pytest
import sqlalchemy.exc
from litestar.exceptions import HTTPException, MethodNotAllowedException

from service.kernel import errors, refusals, shedding
from service.kernel.errors import FieldError, GatewayUnavailable, Invalid, KeyInFlight, SoldOut
from service.kernel.problems import HTTP_CODES, INTERNAL, TABLE, kind_of, to_problem

TREE = {errors.__name__, refusals.__name__, shedding.__name__}
# Never leave the worker: the inbox retries the one and keeps the other for a person.
INTERNAL_ONLY = {errors.NotYet, errors.Parked}


def leaves(root: type[Exception]) -> set[type[Exception]]:
    """The classes of the tree in `errors.py`, `refusals.py` and `shedding.py` that are raised; some are families, too."""
    below = [each for each in root.__subclasses__() if each.__module__ in TREE]
    itself = {root} if root in TABLE or not below else set()
    return itself.union(*(leaves(each) for each in below))


def test_every_error_is_in_the_table_or_stays_inside():
    """A new error is classified before it is raised."""
    assert (
        leaves(errors.CubanoError) == {each for each in TABLE if issubclass(each, errors.CubanoError)} | INTERNAL_ONLY
    )


def test_a_code_means_one_thing():
    """Programs read the code: the same code never comes with another title, and says its family by its status."""
    kinds = {*TABLE.values(), *HTTP_CODES.values(), INTERNAL}

    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 600 for kind in kinds)


def test_the_tree_in_the_docstring_is_the_tree():
    """Each class is drawn."""
    drawn = f"{errors.__doc__} {refusals.__doc__} {shedding.__doc__}".split()

    assert [] == [each.__name__ for each in leaves(errors.CubanoError) if each.__name__ not in drawn]


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (Invalid([FieldError("a", "b", "c")]), 400, "invalid_request", None),
        (Invalid([], "invalid_json"), 400, "invalid_json", None),  # its own code, under the same title
        (SoldOut("full-pass", 0), 409, "sold_out", None),
        (KeyInFlight(3), 409, "request_in_flight", "3"),
        (GatewayUnavailable("stripe", "auth", retry_after_s=60), 503, "gateway_unavailable", "60"),
        (errors.Overloaded(), 503, "overloaded", "2"),
        (sqlalchemy.exc.TimeoutError(), 503, "overloaded", "2"),  # the pool
        (psycopg.errors.AdminShutdown(), 503, "database_unavailable", "2"),  # a child of what the table names
        (psycopg.errors.LockNotAvailable(), 503, "database_unavailable", "2"),
        (errors.NotYet("inner words"), 500, "internal_error", None),
        (KeyError("inner words"), 500, "internal_error", None),
        (sqlalchemy.exc.ProgrammingError("SELECT inner words", {}, Exception()), 500, "internal_error", None),
        (MethodNotAllowedException(headers={"Allow": "GET", "X-Inner": "words"}), 405, "method_not_allowed", None),
        (HTTPException(status_code=418, detail="a teapot"), 418, "http_error", None),
    ],
)
def test_each_error_has_its_answer(error, status, code, retry_after):
    """Status, code and when to come again."""
    problem = to_problem(error, trace_id="0" * 32)

    assert (status, code, status, code) == (problem.status, problem.code, problem.body["status"], problem.body["code"])
    assert retry_after == problem.headers.get("Retry-After")
    assert "no-store" == problem.headers["Cache-Control"]
    assert "X-Inner" not in problem.headers


@pytest.mark.parametrize(
    "error",
    [
        KeyError("inner words"),
        RuntimeError("inner words"),
        sqlalchemy.exc.OperationalError("SELECT inner words", {"inner": "words"}, Exception("inner words")),
        psycopg.OperationalError("inner words"),
        GatewayUnavailable("inner words", "inner words"),
        errors.GatewayRejected("stripe", "inner words", "inner words"),
        errors.Unauthenticated("inner words"),
        HTTPException("inner words", status_code=500),
        HTTPException("inner words", status_code=400),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_of_our_inside_is_told(error):
    """Statements, reasons and the gateway's words are for the log."""
    assert "inner" not in str(to_problem(error, trace_id=None))


def test_a_405_says_what_is_allowed():
    """As HTTP asks."""
    problem = to_problem(MethodNotAllowedException(headers={"Allow": "POST"}), trace_id=None)

    assert "POST" == problem.headers["Allow"]


def test_kinds_are_found_by_the_nearest_ancestor():
    """A special case may have a row of its own."""
    assert TABLE[psycopg.OperationalError] is kind_of(psycopg.errors.DeadlockDetected())
    assert INTERNAL is kind_of(ValueError())
