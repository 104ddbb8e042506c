"""Every route says who may pass, and every role meets there what the printed matrix says."""

import re
from collections.abc import Iterator

import pytest

from docs.generate import ROOT
from service.access.api import Passage, passages
from service.access.flow import Made
from service.access.rules import ROLE_PERMISSIONS, Permission, Role
from service.app import create_app
from service.settings import load_settings
from tests.access.giving import bearer, end, give, take_back
from tests.postgres.names import child_environment
from tests.stage import Stage

CHAPTER = ROOT / "docs/payment-system/05-security.md"
LINE = re.compile(rf"^\| `([A-Z]+) (\S+)` \|[^|]*\|((?: \S+ \|){{{len(Role)}}})$", re.MULTILINE)
REFUSALS = {401, 403}


@pytest.fixture(scope="module")
def every() -> list[Passage]:
    return passages(create_app(load_settings(child_environment("postgresql://nobody@127.0.0.1:9/none"))))


def printed() -> dict[tuple[str, str], dict[Role, str]]:
    """The matrix as the chapter shows it."""
    found = {
        (method, path): dict(zip(Role, cells.strip(" |").split(" | "), strict=True))
        for method, path, cells in LINE.findall(CHAPTER.read_text())
    }
    assert found, "the chapter shows no matrix"
    return found


def test_every_route_says_who_may_pass(every):
    """`permission`, `public` or `staff` in its `opt`; a route with none of them is closed to all, on purpose."""
    silent = [f"{each.method} {each.path}" for each in every if not (each.permission or each.public or each.staff)]

    assert [] == silent, f"name who may pass, in opt, as service/access/api.py tells: {', '.join(silent)}"


def test_a_route_is_public_or_needs_a_permission_but_not_both(every):
    """And what is hidden needs one, too; a reason is a sentence, not a flag."""
    strange = [each for each in every if (each.permission and each.public) or (each.hidden and not each.permission)]
    strange += [each for each in every if each.staff and each.public]
    reasons = [why for each in every for why in (each.public, each.hidden, each.staff) if why]

    assert [] == strange
    assert [] == [each for each in reasons if not isinstance(each, str) or len(each.split()) < 2]


def test_every_permission_and_role_is_in_the_table():
    """Somebody has each permission, and no role was forgotten; what changes things is not for those who only look."""
    assert set(Permission) == set().union(*ROLE_PERMISSIONS.values())
    assert set(Role) == set(ROLE_PERMISSIONS)
    assert [] == [each for each in ROLE_PERMISSIONS[Role.AUDITOR] if not each.endswith(":read")]
    assert frozenset() == ROLE_PERMISSIONS[Role.CUSTOMER]


def test_the_matrix_is_the_routes(every):
    """Each route stands in the chapter, with the answer of every role."""
    told = printed()

    assert {(each.method, each.path): {role: each.answer(role) for role in Role} for each in every} == told, "make docs"


async def test_every_route_answers_every_role_as_printed(stage: Stage, every):
    """Nobody, an expired key, a revoked one, one without the scope, and the right one, of each role, on the wire."""
    told, order = printed(), (await stage.checkout()).json()["orderId"]
    wrong: list[str] = []
    for role in Role:
        dead = [await give(stage.db, f"{role} {state}", role) for state in ("expired", "revoked")]
        await end(stage.db, dead[0])
        await take_back(stage.db, dead[1])
        right = await give(stage.db, f"{role} right", role)
        guarded = [each for each in every if each.permission]
        narrow = {each: await narrower(stage, role, each) for each in sorted({each.permission for each in guarded})}
        for each in guarded:
            answers = {
                "none": await ask(stage, each, order, None),
                "expired": await ask(stage, each, order, dead[0]),
                "revoked": await ask(stage, each, order, dead[1]),
                "wrong scope": await ask(stage, each, order, narrow[each.permission]),
                "right": await ask(stage, each, order, right),
            }
            expected = told[each.method, each.path][role]
            wrong += complaints(each, role, expected, answers)

    assert [] == wrong


async def test_no_key_opens_a_page_of_a_person(stage: Stage, every):
    """Whatever its role: 403; nobody is sent to sign in. What a session meets there is tried in tests/staff."""
    made = await give(stage.db, "root", Role.ADMIN)
    pages = [each for each in every if each.staff]

    answers = [(await ask(stage, each, "x", None), await ask(stage, each, "x", made)) for each in pages]

    assert pages
    assert {(303, 403)} == set(answers)


async def narrower(stage: Stage, role: Role, permission: Permission) -> Made:
    """A key of this role with everything but this permission."""
    rest = ROLE_PERMISSIONS[role] - {permission}
    return await give(stage.db, f"{role} without {permission}", role, permissions=rest)


async def ask(stage: Stage, passage: Passage, order: str, key: Made | None) -> int:
    path = re.sub(r"\{orderId[^}]*\}|\{order_id[^}]*\}", order, passage.path)
    path = re.sub(r"\{[^}]*\}", "1", path)
    answer = await stage.client.request(passage.method, path, headers=bearer(key) if key else {})
    return answer.status_code


def complaints(passage: Passage, role: Role, expected: str, answers: dict[str, int]) -> Iterator[str]:
    """What differs from the matrix, one line each."""
    nobody = 404 if passage.hidden else 401
    refused = {"none": nobody, "expired": nobody, "revoked": nobody, "wrong scope": 404 if passage.hidden else 403}
    if expected != "yes":
        refused["right"] = int(expected)
    for state, status in answers.items():
        fits = status == refused[state] if state in refused else status not in REFUSALS | {404} or not passage.hidden
        if not fits or (state not in refused and status in REFUSALS):
            yield f"{passage.method} {passage.path} as {role}, {state}: {status}"
