"""Who may look, who may act, and what a cookie is worth."""

from datetime import UTC, datetime

import pytest

from runbooks.responder.operators import SESSION, Operators, Role, Sessions, UnfitNameError

NOW = datetime(2027, 2, 13, 18, tzinfo=UTC)


def test_a_token_is_kept_as_its_hash(tmp_path):
    """Whoever reads the file can not enter with it; the file is its owner's alone."""
    people = Operators(tmp_path)
    token = people.add("ana", Role.LEAD, NOW)

    file = tmp_path / "operators.json"
    assert token not in file.read_text()
    assert 0o600 == file.stat().st_mode & 0o777
    assert "ana" == Operators(tmp_path).find(token).name
    assert people.find(token[:-1]) is None


@pytest.mark.parametrize("name", ["", "Ana", "a b", "-ana", "a" * 41, "ana\n", "ána"])
def test_a_name_is_a_plain_word(tmp_path, name):
    """It stands in the journal and on pages."""
    with pytest.raises(UnfitNameError):
        Operators(tmp_path).add(name, Role.LEAD, NOW)


def test_a_name_is_given_once(tmp_path):
    """Two people of one name could not be told apart where two are needed."""
    people = Operators(tmp_path)
    people.add("ana", Role.LEAD, NOW)

    with pytest.raises(UnfitNameError, match="already"):
        people.add("ana", Role.VIEWER, NOW)


def test_a_session_lasts_a_shift_and_ends_with_its_person(tmp_path):
    """Also somebody who is removed in the middle of one."""
    people = Operators(tmp_path)
    people.add("ana", Role.LEAD, NOW)
    sessions = Sessions(people)
    word = sessions.begin(people.named("ana"), NOW)

    assert "ana" == sessions.find(word, NOW).name
    assert sessions.find(word, NOW + SESSION) is None
    people.remove("ana")
    assert sessions.find(word, NOW) is None


def test_a_new_token_ends_the_sessions_of_the_old_one(tmp_path):
    """A token that leaked is changed by removing its person and adding them again: who came in by the old one is out."""
    people = Operators(tmp_path)
    people.add("ana", Role.LEAD, NOW)
    sessions = Sessions(people)
    word = sessions.begin(people.named("ana"), NOW)

    people.remove("ana")
    people.add("ana", Role.LEAD, NOW)

    assert sessions.find(word, NOW) is None
    assert "ana" == sessions.find(sessions.begin(people.named("ana"), NOW), NOW).name


def test_nobody_is_sent_to_sign_in_and_back(responder):
    """A page asked for by nobody leads to the form; a program is told what is missing."""
    answer = responder.client.get("/playbooks", follow_redirects=False)
    assert (303, "/sign-in?to=/playbooks") == (answer.status_code, answer.headers["location"])
    assert 401 == responder.client.get("/api/runs").status_code


def test_a_viewer_may_look_and_not_act(responder):
    """The pages show no button, and the API says no."""
    responder.alert("LedgerImbalance")
    (run,) = responder.runs()

    said = responder.client.post(f"/api/runs/{run['id']}/abort", json={}, headers=responder.as_("viewer"))
    assert said.status_code == 403
    responder.sign_in("viewer")
    assert "Stop this run" not in responder.client.get(f"/runs/{run['id']}").text


def test_a_token_to_break_the_glass_is_made_for_a_lead_alone(responder):
    """It is worth two people; that it was made is journaled."""
    said = {role: responder.client.post("/api/break-glass", headers=responder.as_(role)).status_code for role in Role}

    assert {Role.VIEWER: 403, Role.ONCALL: 403, Role.LEAD: 201} == said
    assert 1 == [each["kind"] for each in responder.journal()].count("breakglass.made")


def test_another_sites_form_changes_nothing(responder):
    """A cookie alone is not enough: the browser must say that the form is ours."""
    responder.sign_in()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        answer = responder.client.post("/passive", data={"on": "true"}, headers=headers)
        assert answer.status_code == 403, headers

    assert not (responder.state / "passive").exists()


def test_wrong_tokens_are_counted(responder):
    """After ten in a minute the next wrong one is told to wait, and whoever has a right one gets in all the same."""
    answers = [
        responder.client.get("/api/runs", headers={"Authorization": f"Bearer wrong-{number}"}).status_code
        for number in range(12)
    ]

    assert [401] * 10 + [429] * 2 == answers
    assert 200 == responder.client.get("/api/runs", headers=responder.as_("on_call")).status_code
    responder.sign_in()


def test_another_sites_posts_count_for_nothing(responder):
    """A page somewhere can make a browser post wrong tokens here: they are refused before anything else."""
    there = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answers = {
        responder.client.post("/sign-in", data={"token": token, "to": "/"}, headers=there).status_code
        for token in ["wrong"] * 11 + [responder.tokens["lead"]]
    }
    wrong = responder.client.get("/api/runs", headers={"Authorization": "Bearer wrong"})

    assert {403} == answers
    assert 401 == wrong.status_code


def test_after_signing_out_the_cookie_is_worth_nothing(responder):
    """Also one that somebody kept."""
    responder.sign_in()
    kept = dict(responder.client.cookies)
    responder.client.post("/sign-out", headers={"Origin": "http://testserver.local"})

    responder.client.cookies.update(kept)
    assert 303 == responder.client.get("/", follow_redirects=False).status_code


def test_a_page_only_leads_back_to_ours(responder):
    """`to` of the sign-in form is a path of this program."""
    for odd in ("https://evil.example", "//evil.example", "/\\evil.example"):
        answer = responder.client.post(
            "/sign-in",
            data={"token": responder.tokens["lead"], "to": odd},
            headers={"Origin": "http://testserver.local"},
            follow_redirects=False,
        )
        assert "/" == answer.headers["location"]


def test_every_answer_forbids_what_it_does_not_need(responder):
    """No frame, no foreign script, no type guessed."""
    headers = responder.client.get("/sign-in").headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert ("nosniff", "DENY") == (headers["x-content-type-options"], headers["x-frame-options"])
