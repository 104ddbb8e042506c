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
endings = st.sampled_from(["approve", "later", "challenge", "approve", "never", "vanish", "decline"])
tries = st.builds(lambda failed, last: [*failed, last], st.lists(ways, max_size=2), endings)
chapters = st.sampled_from(
    [
        [],
        ["refund_rest", "refund_fails"],
        ["refund_part", "refund_fails", "refund_rest"],
        ["dispute", "answer", "win"],
        ["dispute", "lose"],
        ["refund_part", "dispute_part", "lose", "refund_rest"],
        ["dispute_part", "refund_part", "win", "refund_fails"],
        ["inquiry", "escalate", "answer", "lose"],
        ["inquiry", "lose", "refund_rest"],
    ]
)
deeds = st.lists(st.sampled_from([*DEEDS, WAIT]), max_size=4)
aftermath = st.builds(lambda known, wild: [*known, *wild], chapters, deeds)
picks = st.lists(st.integers(0, 60), max_size=60)  # which event comes next, and whether we have time for it


@pytest.fixture
def stage_settings(emulator_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_of_both(emulator_url, tmp_path)


@pytest.mark.timeout(120 + 10 * int(MANY or 0))
@pytest.mark.parametrize("provider", PROVIDERS)
@STORIES
@given(tries=tries, aftermath=aftermath, picks=picks)
async def test_any_story_ends_as_the_gateway_says(stage: Stage, inbox: Inbox, provider, tries, aftermath, picks):
    """Money, order, refunds, disputes, tickets, letters and seats equal the gateway's truth; every promise is kept."""
    await deaf(stage)
    before = await inbox.broken()  # by an earlier story, when the shortest one that fails is looked for
    left = iter(picks)
    story = await begin(inbox, provider, lambda many: next(left, 0) % many)

    for step in [*tries, *aftermath]:
        await story.live(step)
    await story.end()

    assert await expected(story) == await found(story)
    assert before == await inbox.broken()
