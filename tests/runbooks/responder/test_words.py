"""What playbooks say in their own notation is read by people as plain words."""

import pytest

from runbooks.responder.incidents import spoken
from runbooks.responder.rendering import unlinked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is away: [GatewayOutage](GatewayOutage.md).", "It is away: GatewayOutage."),
        ("two [a](b) and [c d](e)", "two a and c d"),
        ("[no link] (at all)", "[no link] (at all)"),
    ],
)
def test_a_link_where_none_can_stand_is_its_words(text, said):
    """On a card that leads somewhere as a whole."""
    assert said == unlinked(text)


def test_a_step_in_a_draft_is_what_it_says():
    """Notes and what people are asked; commands stay as they are typed."""
    section = (
        "```note missed\ntext: Fetch what was missed.\n```\n\n"
        '```human mend\ndo: "Go back: to the build before."\nanswers: [done]\n```\n\n```console\n$ cubano doctor\n```'
    )

    said = spoken(section)

    assert "Fetch what was missed.\n\nGo back: to the build before.\n\n" in said.replace("\n\n\n", "\n\n")
    assert "```console\n$ cubano doctor\n```" in said
    assert "note missed" not in said
