"""Any story of an order, its events in any order, any number of times, lost and told later: it ends as the gateway says.

`CUBANO_TEST_STORIES=500` tells more of them, and other ones in each run.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.payments.story import DEEDS, WAIT, WAYS, begin
from tests.payments.truth import expected, found
from tests.recovery.both import PROVIDERS, settings_of_both
from tests.stage import Stage
from tests.webhooks.applying import Inbox
from tests.webhooks.delivery import deaf

MANY = os.environ.get("CUBANO_TEST_STORIES")
STORIES = settings(
    max_examples=int(MANY or 12),
    derandomize=not MANY,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ways = st.sampled_from(sorted(WAYS))
tries = st.lists(ways, max_size=3) | st.lists(ways, max_size=2).map(lambda failed: [*failed, "approve"])
aftermath = st.lists(st.sampled_from([*DEEDS, WAIT]), max_size=5)
picks = st.lists(st.integers(0, 60), max_size=60)  # which event comes next, and whether we have time for it


@pytest.fixture
def stage_settings(emulator_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_of_both(emulator_url, tmp_path)


@pytest.mark.parametrize("provider", PROVIDERS)
@STORIES
@given(tries=tries, aftermath=aftermath, picks=picks)
async def test_any_story_ends_as_the_gateway_says(stage: Stage, inbox: Inbox, provider, tries, aftermath, picks):
    """Money, order, refunds, disputes, tickets, letters and seats equal the gateway's truth; every promise is kept."""
    await deaf(stage)
    left = iter(picks)
    story = await begin(inbox, provider, lambda many: next(left, 0) % many)

    for step in [*tries, *aftermath]:
        await story.live(step)
    await story.end()

    assert await expected(story) == await found(story)
    assert [] == await inbox.broken()
