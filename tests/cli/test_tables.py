"""Tables of the command line."""

import sys

from rich.table import Table

from service.cli.common import console

KEY, ORDER = "cubano_dev_01m84bchnfjkdzgwyk48stw6na", "ord_01m84b220aygys80negwr861xh"


def test_what_is_copied_into_the_next_command_is_never_cut(monkeypatch, capsys):
    """In a narrow terminal text is broken between words, and ids stay whole."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    table = Table("key", "order", "repair", box=None, pad_edge=False)
    table.add_row(KEY, ORDER, "find out at the gateway what it is, then accept it")

    console().print(table)

    shown = capsys.readouterr().out
    assert (True, True, False) == (KEY in shown, ORDER in shown, "…" in shown)
    assert len(shown.splitlines()) > 3
