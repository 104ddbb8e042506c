"""A drill is a file: what it breaks, what must come of it; a file that is none is refused with a reason."""

import pytest

from runbooks.drills.drill import BrokenDrillError, load_drills, read_drill
from runbooks.drills.faults import _TRIES, FAULTS
from runbooks.engine.library import Library
from service.webhooks.rules import MAX_ATTEMPTS

DRILLS = load_drills()
GOOD = "---\ndrill: some-fault\nplaybook: GatewayOutage\nfaults: [{do: gateway.fails}]\n---\n# some-fault\n\nWhat it proves.\n"


def test_a_file_becomes_a_drill():
    """Everything else has what is usual."""
    drill = read_drill(GOOD, "runbooks/drills/some-fault.md")

    assert ("some-fault", "GatewayOutage", "What it proves.") == (drill.drill, drill.expected, drill.story)
    assert ("approve", "after", ("recovered",)) == (drill.person, drill.heal, drill.ends)


def test_a_changed_drill_is_another_one():
    """Whatever is changed in its file."""
    one, other = (read_drill(GOOD + more, "runbooks/drills/some-fault.md").version for more in ("", "And more."))

    assert (12, 12) == (len(one), len(other))
    assert one != other


# What is wrong with it, what replaces what, and a word of the complaint.
BROKEN = [
    ("no front matter", ("---\ndrill", "drill"), "front matter"),
    ("another name", ("drill: some-fault", "drill: other-fault"), "one name"),
    ("another title", ("# some-fault", "# a-fault"), "one name"),
    ("an unknown key", ("faults:", "fault:"), "fault"),
    ("a fault without a name", ("{do: gateway.fails}", "{with: {}}"), "do"),
    ("no YAML", ("faults: [", "faults: [["), "while parsing"),
    ("a word for a number", ("faults:", "quiet_s: long\nfaults:"), "quiet_s"),
    ("an alert without a playbook", ("playbook: GatewayOutage", "alert: GatewayOutage"), "expects no alert"),
]


@pytest.mark.parametrize(("change", "why"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_drill_is_refused(change, why):
    """The message names the file."""
    with pytest.raises(BrokenDrillError, match=why) as refused:
        read_drill(GOOD.replace(*change), "runbooks/drills/some-fault.md")

    assert "some-fault.md" in str(refused.value)


@pytest.fixture(scope="module")
def library():
    return Library.load()


@pytest.mark.parametrize("drill", DRILLS.values(), ids=list(DRILLS))
def test_each_drill_breaks_what_can_be_broken_and_says_why(drill, library):
    """Its faults exist, it has a story, and what it proves exists."""
    assert [] == [each.do for each in drill.faults if each.do not in FAULTS]
    assert drill.story
    assert [] == [name for name in drill.beside if library.get(name) is None]
    assert drill.is_negative or library.get(drill.playbook) is not None


def test_every_executable_playbook_has_its_drill_and_each_drill_its_playbook(library):
    """100 % of those that change something by themselves."""
    wanted = {each.drill: each.name for each in library.all if each.is_executable}
    proved = {name: each.playbook for name, each in DRILLS.items()}

    assert wanted == {name: proved.get(name) for name in wanted}


def test_the_number_of_tries_is_the_services():
    """The drill uses them up at once, so it has to know how many there are."""
    assert MAX_ATTEMPTS == _TRIES
