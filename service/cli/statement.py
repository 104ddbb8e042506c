"""A report of the books as tables that people of finance like to read."""

from collections.abc import Iterable
from datetime import date

from rich import box
from rich.console import Console
from rich.table import Table

from service.closing.rules import Balance, Figures, Report, Restated
from service.journal.rules import BANK, CLEARING, DISPUTES_HELD, OWED, STORE_CREDIT, SUSPENSE, EntryKind
from service.kernel.money import Money, sum_money

ACCOUNTS = {
    BANK: "Bank: paid out by the gateways",
    DISPUTES_HELD: "Held by banks while disputes run",
    OWED: "Owed to customers",
    STORE_CREDIT: "Store credit",
    SUSPENSE: "Suspense: nobody can name it yet",
}
_KINDS = {kind: f"{kind.value}s" for kind in EntryKind}


def print_report(console: Console, report: Report, title: str) -> None:
    """All of it: a title, then for each currency what was earned, of what, and where it is."""
    console.print(f"[bold]{title}[/]  {report.entries:,} entries, days in UTC", highlight=False)
    if not report.figures:
        console.print("Nothing was written in this time, and nothing before it.")
    for each in report.figures:
        console.print()
        console.print(_results(each))
        if each.ticket_types:
            console.print()
            console.print(_ticket_types(each))
        if each.providers:
            console.print()
            console.print(_providers(each))
        if each.accounts:
            console.print()
            console.print(_accounts(each))
        for row in each.restated:
            console.print(f"restated: {_told(row)}", highlight=False, style="yellow")
    for row in report.corrected:
        console.print(f"corrected later: {_told(row)}", highlight=False, style="yellow")


def shown(amount: Money, *, currency: bool = True) -> str:
    """`1,234.50 USD`."""
    return f"{amount.to_decimal():,}{f' {amount.currency}' if currency else ''}"


def month_name(month: str) -> str:
    """`February 2027`."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


def _told(row: Restated) -> str:
    return f"{month_name(row.month)}: {shown(row.result)} {row.kind} (at the gateways {shown(row.clearing)})"


def _results(each: Figures) -> Table:
    table = _table("", each.currency, title="What was earned")
    taken = {"given away": each.gifts, "refunded": each.refunds, "lost in disputes": each.lost}
    table.add_row("Sold, tax included", shown(each.gross))
    for label, amount in {**taken, "the gateways' fees": each.fees}.items():
        table.add_row(f"  {label}", shown(-amount))
    if not each.other.is_zero:
        table.add_row("  corrections", shown(each.other))
    table.add_section()
    table.add_row("[bold]Net[/]", f"[bold]{shown(each.net)}[/]")
    table.add_row("  of it tax", shown(each.tax))
    table.add_row("  of it ours", shown(each.revenue))
    table.add_section()
    table.add_row("Paid out to the bank", shown(each.paid_out))
    return table


def _ticket_types(each: Figures) -> Table:
    table = _table("without tax", "sold", "refunded", "kept", title="By ticket type")
    for row in each.ticket_types:
        table.add_row(row.ticket_type, shown(row.sold), shown(row.refunded), shown(row.kept))
    table.add_section()
    columns = ((row.sold, row.refunded, row.kept) for row in each.ticket_types)
    table.add_row("[bold]Total[/]", *_total(columns, each.currency, with_code=True))
    return table


def _providers(each: Figures) -> Table:
    heads = ("opening", *_KINDS.values(), "closing")
    table = _table(each.currency, *heads, title="What the gateways hold for us")
    rows = [(row, _cells(row)) for row in each.providers]
    for row, cells in rows:
        table.add_row(row.name.removeprefix(CLEARING), *(shown(cell, currency=False) for cell in cells))
    table.add_section()
    table.add_row("[bold]Total[/]", *_total((cells for _, cells in rows), each.currency))
    return table


def _cells(row: Balance) -> list[Money]:
    nothing = Money.zero(row.opening.currency)
    return [row.opening, *(row.moved.get(kind, nothing) for kind in _KINDS), row.closing]


def _accounts(each: Figures) -> Table:
    table = _table(each.currency, "opening", "change", "closing", title="Other balances")
    for row in each.accounts:
        sign = -1 if row.name in {OWED, STORE_CREDIT} else 1  # what we owe is a credit, and said as what it is
        amounts = (row.opening * sign, (row.closing - row.opening) * sign, row.closing * sign)
        table.add_row(ACCOUNTS[row.name], *(shown(amount, currency=False) for amount in amounts))
    return table


def _total(rows: Iterable[Iterable[Money]], currency: str, *, with_code: bool = False) -> list[str]:
    sums = (sum_money(column, currency) for column in zip(*rows, strict=True))
    return [f"[bold]{shown(each, currency=with_code)}[/]" for each in sums]


def _table(first: str, *rest: str, title: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="italic", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    table.add_column(first)
    for name in rest:
        table.add_column(name, justify="right", no_wrap=True)
    return table
