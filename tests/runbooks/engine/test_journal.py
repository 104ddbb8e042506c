"""The journal: on the disk before anything follows, whole or noticed, without secrets, and one process's alone."""

import json
import os
from datetime import UTC, datetime

import pytest

from runbooks.engine.journal import FILE, HEAD, HeldError, Journal, JournalError, holder, read, verify

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path)
    yield journal
    journal.close()


def written(journal, count=5):
    for number in range(count):
        journal.append("note", {"number": number}, at=NOW, run="r1")
    return (journal.folder / FILE).read_text().splitlines(keepends=True)


def test_a_line_is_chained_to_the_one_before(journal):
    """Numbered from one, each naming the hash of its predecessor; all of it can be read again."""
    written(journal)

    entries = list(journal.entries())
    assert [1, 2, 3, 4, 5] == [each.seq for each in entries]
    assert [each.hash for each in entries][:-1] == [each.previous for each in entries][1:]
    assert [] == journal.verify()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda lines: [*lines[:2], lines[2].replace('"number":2', '"number":7'), *lines[3:]], "line 3 was edited"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3 is entry 4, expected 3"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "line 2 is entry 3, expected 2"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 4 is entry 3, expected 4"),
        (lambda lines: lines[:3], "entries up to 5 were written, and the last one here is 3"),
        (lambda lines: [*lines[:2], "nonsense\n", *lines[3:]], "line 3 is no entry"),
        (lambda lines: lines[1:], "line 1 is entry 2, expected 1"),
    ],
    ids=["edited", "removed", "reordered", "repeated", "cut off", "overwritten", "beginning removed"],
)
def test_damage_is_found(journal, damage, complaint):
    """Edits, removals and reorders each break the chain in a place that is named."""
    lines = written(journal)

    (journal.folder / FILE).write_text("".join(damage(lines)))

    assert complaint in journal.verify()


def test_an_edit_with_a_new_hash_is_found_too(journal):
    """Who edits a line and computes its hash anew breaks the next one."""
    lines = written(journal)
    from runbooks.engine.journal import digest  # noqa: PLC0415

    forged = json.loads(lines[1]) | {"data": {"number": 9}}
    forged["hash"] = digest({name: value for name, value in forged.items() if name != "hash"})
    (journal.folder / FILE).write_text("".join([lines[0], json.dumps(forged) + "\n", *lines[2:]]))

    assert ["line 3 does not follow the line before it"] == journal.verify()


@pytest.mark.parametrize(
    "torn", ['{"seq":6,"at"', "{", '{"seq":6,"at":"x","run":"","kind":"k","data":{},"previous":"","hash":""}']
)
def test_a_torn_line_is_cut_off(tmp_path, torn):
    """A line without its end was never synced, so nothing followed from it; the chain goes on behind the last whole one."""
    journal = Journal.open(tmp_path)
    written(journal)
    journal.close()
    with (tmp_path / FILE).open("a") as file:
        file.write(torn)

    again = Journal.open(tmp_path)
    again.append("note", {}, at=NOW)

    assert len(torn) == again.cut
    assert [] == again.verify()
    assert 6 == again.seq
    again.close()


def test_secrets_and_people_are_taken_out_before_writing(journal):
    """Keys named like a secret, e-mail addresses, card numbers, tokens inside texts; a count of secrets stays."""
    secret = {
        "api_key": "abc",
        "authorization": "Bearer abcdefgh",
        "nested": [{"password": "x"}],
        "secret": {"deep": "x"},
    }
    personal = {"email": "ana@example.org", "text": "4242 4242 4242 4242, of ana@example.org, sk_live_abcdefgh"}
    plain = {"signature_failures": 7, "provider": "stripe", "client_secret": ["a", "b"]}
    journal.append("note", secret | personal | plain, at=NOW)

    text = (journal.folder / FILE).read_text()
    for hidden in ("abc", "ana@", "4242 4242", '"x"', '"a"'):
        assert hidden not in text
    data = next(journal.entries()).data
    assert 7 == data["signature_failures"]
    assert "stripe" == data["provider"]


def test_two_processes_cannot_have_one_folder(journal):
    """The second is refused and told who has it and where to ask."""
    with pytest.raises(HeldError, match=str(os.getpid())):
        Journal.open(journal.folder)

    assert os.getpid() == holder(journal.folder)["pid"]


def test_who_has_it_says_where_he_is_found(tmp_path):
    """The responder writes its address into the lock; a left-over file locks nobody out."""
    Journal.open(tmp_path, url="http://127.0.0.1:8300").close()
    again = Journal.open(tmp_path, url="http://127.0.0.1:8301")

    assert "http://127.0.0.1:8301" == holder(tmp_path)["url"]
    again.close()


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """Half a line is taken back, the error is said, and the chain goes on when there is room again."""
    room = [10_000]

    def writing(file, data):
        if room[0] < len(data):
            os.write(file, data[: room[0]])
            raise OSError(28, "No space left on device")
        return os.write(file, data)

    journal = Journal.open(tmp_path, writing=writing)
    journal.append("note", {}, at=NOW)
    room[0] = 30
    with pytest.raises(JournalError, match="No space left"):
        journal.append("note", {}, at=NOW)
    room[0] = 10_000
    journal.append("note", {}, at=NOW)

    assert [1, 2] == [each.seq for each in read(tmp_path)]
    assert [] == verify(tmp_path)
    journal.close()


def test_a_write_in_pieces_is_a_write(tmp_path):
    """A disk may take less at once than it is given."""
    journal = Journal.open(tmp_path, writing=lambda file, data: os.write(file, data[:7]))
    journal.append("note", {"text": "longer than seven"}, at=NOW)

    assert [] == journal.verify()
    journal.close()


def test_a_lost_head_is_no_fault(journal):
    """After a power cut it may be gone or old; then only a cut-off end is not seen."""
    written(journal)
    (journal.folder / HEAD).write_text("")

    assert [] == journal.verify()


def test_odd_texts_are_written(journal):
    """What comes from outside may hold any character."""
    journal.append("note", {"text": "\ud800 ✓ \u2028 \x00"}, at=NOW)

    assert [] == journal.verify()
