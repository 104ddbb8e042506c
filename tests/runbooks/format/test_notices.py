"""What customers are told is there in both languages, and says what is lost: nothing."""

import pytest

from runbooks.engine.facts import NoFactError
from runbooks.engine.faults import BrokenError
from runbooks.engine.notices import draft, load_notices, read_notice
from tests.runbooks.format.stand import NOTICE

PATH = "runbooks/notices/provider-disturbed.md"


def test_every_notice_is_there_in_both_languages():
    """A dozen for bad days; each has a subject and a text, and asks for the same names in each language."""
    found = load_notices()

    assert len(found) >= 12
    assert {("en", "es")} == {tuple(sorted(each.words)) for each in found.values()}
    assert {"provider-disturbed", "all-clear", "double-charge-apology"} <= set(found)


def test_a_draft_has_its_names_filled_in():
    """What is not known is no draft: nobody is written "{provider}"."""
    notice = read_notice(NOTICE, PATH)

    assert "stripe no responde." == draft(notice, {"provider": "stripe"})["es"].body
    with pytest.raises(NoFactError):
        draft(notice, {})


@pytest.mark.parametrize(
    ("old", "new", "line", "mend"),
    [
        ("to: customers", "to: custmers", 3, "did you mean customers?"),
        ("notice: provider-disturbed", "notice: other", 2, "write `notice: provider-disturbed`"),
        ("## es", "## fr", 11, "it is one of en, es"),
        ("**Pagos con problemas**", "Pagos con problemas", 11, "write **Subject**"),
        ("{provider} no responde", "{otro} no responde", 1, "use the same {names} in each"),
        ("---\nnotice", "notice", 1, "begin with ---"),
    ],
)
def test_a_broken_notice_says_where_and_how(old, new, line, mend):
    """As a playbook does."""
    with pytest.raises(BrokenError) as caught:
        read_notice(NOTICE.replace(old, new), PATH)

    assert [] != [fault for fault in caught.value.faults if fault.line == line and mend in fault.mend], str(
        caught.value
    )
