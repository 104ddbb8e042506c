"""`cubano runbook ls | show | lint | explain | render` say the same to people and programs, and end with 0, 1 or 2."""

import json
import re

import pytest
from click.testing import CliRunner

from runbooks.cli import runbook
from tests.runbooks.actions.wires import peer, vector
from tests.runbooks.format.pages import WHOLE, broken

FIRING = {"labels": {"alertname": "ShopAway", "provider": "stripe"}, "state": "firing"}


@pytest.fixture
def folder(tmp_path):
    """One whole playbook, one broken."""
    (tmp_path / "ShopAway.md").write_text(WHOLE)
    (tmp_path / "ShopGone.md").write_text(broken("domain: gateway", "domain: gatway").replace("ShopAway", "ShopGone"))
    return tmp_path


def run(*words):
    return CliRunner().invoke(runbook, [str(word) for word in words])


def test_the_list_names_alert_playbook_and_drill(folder):
    """A broken file is told of, and the others are listed."""
    said, rows = run("ls", "--folder", folder), json.loads(run("ls", "--json", "--folder", folder).stdout)

    assert 1 == said.exit_code
    assert re.search(r"ShopAway, ShopSlow +ShopAway +yes +suggest +shop-away", said.stdout)
    assert re.search(
        r"\d+ alerts, 0 with a playbook \(0 %\); 1 playbooks executable, 0 drilled \(0 %\)\n$", said.stdout
    )
    assert "ShopGone.md:5: gatway is no domain; did you mean gateway?" in said.stderr
    assert [("ShopAway", ["ShopAway", "ShopSlow"], True)] == [
        (row["playbook"], row["alerts"], row["executable"]) for row in rows
    ]


def test_a_page_is_shown_in_plain_words(folder):
    """By its name or that of an alert; its fences as what they ask and do."""
    said = run("show", "ShopSlow", "--folder", folder)

    assert 0 == said.exit_code
    assert "route.put (order {fallback})" in said.stdout
    assert "It reverts by itself after 30 min." in said.stdout
    assert "Otherwise: go on at call." in said.stdout
    assert "```" not in said.stdout


def test_a_name_that_is_none_is_mended(folder):
    """Usage: exit code 2, and the nearest one."""
    said = run("show", "ShopAwya", "--folder", folder)

    assert (2, "There is no playbook ShopAwya: did you mean ShopAway?\n") == (said.exit_code, said.stderr)


def test_lint_tells_each_fault_with_its_mend(folder):
    """For people a line each, for programs its parts; exit code 1."""
    said, told = run("lint", "ShopGone", "--folder", folder), run("lint", "ShopGone", "--json", "--folder", folder)

    assert (1, 1) == (said.exit_code, told.exit_code)
    assert "ShopGone.md:5: gatway is no domain; did you mean gateway?" in said.stdout
    assert [(5, "did you mean gateway?")] == [(each["line"], each["mend"]) for each in json.loads(told.stdout)]


def test_our_own_playbooks_have_no_fault():
    """What `cubano runbook lint` says of this repository."""
    said = run("lint")

    assert (0, True) == (said.exit_code, "nothing wrong" in said.stdout), said.stdout


def test_a_page_is_explained_with_what_is_so_now(folder):
    """The labels of what fires go into the questions, and each answer stands below its own."""

    def prometheus(_method, path, sent):
        if path.endswith("/alerts"):
            return 200, {"status": "success", "data": {"alerts": [FIRING]}}
        return vector(({"provider": "stripe"}, 0.99 if 'outcome="ok"' in sent["query"] else 7))

    with peer(prometheus) as known:
        said = run("explain", "ShopAway", "--prometheus", known.url, "--folder", folder)

    asked = [sent.get("query", "") for _, _, sent in known.asked]
    assert 0 == said.exit_code, said.output
    assert "It fires now. fallback=paypal, provider=stripe" in said.stdout
    assert "→ provider=stripe: 7" in said.stdout
    assert "→ as expected: value 7, sum 7, count 1, label_provider stripe" in said.stdout
    assert any('provider="stripe",outcome!="ok"' in query for query in asked)


def test_without_prometheus_the_page_is_there_all_the_same(folder):
    """Exit code 1: somebody ought to know; what to do is still said."""
    said = run("explain", "ShopAway", "--prometheus", "http://127.0.0.1:9", "--folder", folder)

    assert 1 == said.exit_code
    assert "Prometheus does not answer" in said.stdout
    assert "provider is not known: add --label provider=" in said.stdout
    assert "Breakers do the work." in said.stdout


def test_a_label_is_name_and_value(folder):
    """Anything else is usage."""
    assert 2 == run("explain", "ShopAway", "--label", "stripe", "--folder", folder).exit_code


def test_pages_are_written_that_need_nothing_else(tmp_path):
    """Every link of every page leads to another of them, nothing is loaded, and the index names all."""
    said = run("render", "--out", tmp_path / "pages")

    pages = {path.name: path.read_text() for path in (tmp_path / "pages").iterdir()}
    links = {link for text in pages.values() for link in re.findall(r'href="([^"]+)"', text)}
    assert 0 == said.exit_code
    assert set() == {link for link in links if not link.startswith("https://")} - set(pages)
    assert set(pages) - {"index.html"} <= set(re.findall(r'href="([^"]+)"', pages["index.html"]))
    assert [] == [name for name, text in pages.items() if re.search(r"<script|<link|<img|src=|@import|url\(", text)]
    assert [] == [name for name, text in pages.items() if "prefers-color-scheme: dark" not in text]


def test_markup_in_a_playbook_is_shown_and_not_taken_over(tmp_path):
    """A page is text: whatever stands in it does nothing in a browser."""
    text = broken("Breakers do the work.", "<script>alert(1)</script> [here](javascript:alert(1))")
    (tmp_path / "ShopAway.md").write_text(text)

    run("render", "--out", tmp_path / "pages", "--folder", tmp_path)

    page = (tmp_path / "pages" / "ShopAway.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'href="javascript' not in page
