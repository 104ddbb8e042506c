"""Whatever fits the OpenAPI document, and whatever does not, gets an answer the document knows, and never a 500.

As nobody and as each role, over HTTP, following the document's links. `make test` asks a few hundred times, the same in
each run; `make fuzz` (CUBANO_TEST_FUZZ=long) thousands of times.
"""

import os

import pytest

from tests.fuzz.campaign import PHASES, WHO, Size, campaign, furnish, table

LONG = os.environ.get("CUBANO_TEST_FUZZ") == "long"
FEWEST_LONG, FEWEST_SHORT = 3_000, 200
SHORT = ("nobody", "admin")  # who may least, and who may most

pytestmark = pytest.mark.xdist_group("fuzz")


@pytest.fixture
def stage_settings() -> dict[str, str]:
    return {"CUBANO_RATE_LIMITS": "0"}  # what is refused for its number tells nothing; tests/limits holds the limits


@pytest.mark.timeout(3_600 if LONG else 240)
async def test_any_request_gets_an_answer_that_is_documented(stage, tmp_path):
    """Generated requests, right ones and wrong ones, for every operation."""
    size = Size(examples=25) if LONG else Size(examples=2, phases=PHASES[:1] + PHASES[2:], limit_s=120)
    await furnish(stage)

    outcomes = [await campaign(stage, who, size, tmp_path) for who in (WHO if LONG else SHORT)]

    print("\n" + table(outcomes))  # noqa: T201 - `make fuzz` shows it
    failed = [each.said for each in outcomes if each.failed]
    assert [] == failed, "\n".join(failed)
    assert (FEWEST_LONG if LONG else FEWEST_SHORT) <= sum(each.cases for each in outcomes)
