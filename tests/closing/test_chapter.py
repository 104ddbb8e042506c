"""What the chapter for finance says of the accounts is what the journal has."""

import re

from docs.generate import ROOT
from service.journal.rules import FAMILIES, PLAIN

CHAPTER = ROOT / "docs/payment-system/07-finance-and-support.md"


def test_every_account_is_in_the_chapter():
    """Each plain one and each family, and none that does not exist."""
    table = CHAPTER.read_text().partition("| account |")[2].partition("\n\n")[0]

    assert sorted((*PLAIN, *FAMILIES)) == sorted(re.findall(r"^\| `([a-z_:]+)`", table, re.MULTILINE))
