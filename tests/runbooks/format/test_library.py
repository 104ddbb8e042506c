"""Playbooks by name and by alert; a broken file is told of and left out."""

from runbooks.engine.library import Library
from tests.runbooks.format.pages import WHOLE, broken


def test_a_broken_file_does_not_take_the_others_along(tmp_path):
    """At three in the morning the other ninety still work."""
    (tmp_path / "ShopAway.md").write_text(WHOLE)
    (tmp_path / "ShopGone.md").write_text(broken("domain: gateway", "domain: shop"))
    (tmp_path / "Bytes.md").write_bytes(b"\xff\xfe")

    found = Library.load(tmp_path)

    assert ["ShopAway"] == [each.name for each in found.all]
    assert {"Bytes.md", "ShopGone.md"} == {fault.path.rpartition("/")[2] for fault in found.faults}
    assert found.get("ShopGone") is None


def test_a_playbook_is_found_by_its_alerts(tmp_path):
    """By the name of each alert it lists, and by no other."""
    (tmp_path / "ShopAway.md").write_text(WHOLE)

    found = Library.load(tmp_path)

    assert "ShopAway" == found.for_alert("ShopSlow").name == found.for_alert("ShopAway").name
    assert found.for_alert("DbDown") is None


def test_our_own_playbooks_are_whole():
    """Every file of the folder can be read."""
    found = Library.load()

    assert () == found.faults
    assert len(found.all) > 80
