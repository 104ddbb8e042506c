"""The evidence of a drill: JSON for programs, Markdown for people, and a picture of its time line; and what autonomy reads.

`evidence.json` in the same folder holds, for each playbook's version, the last result of its drills; the engine lets a
playbook act by itself only while that is green and young.
"""

from collections.abc import Iterable
from html import escape
from pathlib import Path

import msgspec

from runbooks.drills.report import Moment, Report

COMMITTED = Path(__file__).parent / "evidence"
LANES = ("fault", "alert", "people", "run", "customers")
_COLOURS = {"fault": "#ff8a78", "alert": "#f3c46b", "people": "#b9a6ff", "run": "#7ed6b2", "customers": "#ece6f5"}
_WIDTH, _LANE, _LEFT, _TOP = 960, 62, 104, 58
_LONGEST = 46  # characters of a label


def write(report: Report, folder: Path) -> list[Path]:
    """Three files named after the drill; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / f"{report.drill}.json": msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n",
        folder / f"{report.drill}.md": markdown(report),
        folder / f"{report.drill}.svg": picture(report),
    }
    for path, text in files.items():
        path.write_text(text)
    _remember(report, folder / "evidence.json")
    return list(files)


def committed(folder: Path = COMMITTED) -> dict[str, Report]:
    """The reports that are kept beside the drills, by drill: the green ones."""
    read = [msgspec.json.decode(path.read_bytes(), type=Report) for path in sorted(folder.glob("*.json"))
            if path.name != "evidence.json"]  # fmt: skip
    return {each.drill: each for each in read if each.is_green}


def _remember(report: Report, path: Path) -> None:
    found = msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
    if report.playbook and report.version:
        found.setdefault(report.playbook, {})[report.drill] = {
            "version": report.version,
            "drill_version": report.drill_version,
            "green": report.is_green,
            "at": report.at,
        }
    path.write_text(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _times(report: Report) -> list[str]:
    rows = [
        ("alert fires", report.detect_s),
        ("responder has heard", report.notify_s),
        ("plan can be read", report.plan_s),
        ("approved", report.approve_s),
        ("first act has taken hold", report.mitigate_s),
        ("verified", report.recover_s),
        ("switches back, after the end", report.revert_s),
    ]
    return [f"| {what} | {seconds(value)} |" for what, value in rows]


def markdown(report: Report) -> str:
    """One page: the verdict first."""
    verdict = "green" if report.is_green else "**not green**"
    price = report.price
    lines = [
        f"# {report.drill}: {verdict}",
        "",
        (
            f"{report.at}, playbook {report.playbook or 'none'} {report.version}, rules {report.scale} times as fast, "
            f"{report.wall_s} s in all. Run: {report.state or 'none'}."
        ),
        "",
        *(f"- {each}" for each in report.faults),
        *([""] if report.faults else []),
        "| what | seconds after the fault |",
        "|---|---|",
        *_times(report),
        "",
        f"![time line]({report.drill}.svg)",
        "",
        "## What it cost customers",
        "",
        "| buyers | checkouts failed | slow | paid, no ticket | tickets late | not taken | waiting |",
        "|---|---|---|---|---|---|---|",
        (
            f"| {price.get('buyers', 0)} | {price.get('checkouts_failed', 0)} | {price.get('checkouts_slow', 0)} | "
            f"{price.get('paid_without_ticket', 0)} | {price.get('tickets_late', 0)} | "
            f"{money(price.get('cents_not_taken', 0))} | {money(price.get('cents_waiting', 0))} |"
        ),
        "",
        f"Told: {', '.join(report.pages) or 'nobody'}. Not expected: {', '.join(report.unexpected) or 'nothing'}.",
    ]
    return "\n".join(lines) + "\n"


def picture(report: Report) -> str:
    """The time line as SVG: a lane for each who took part, seconds from left to right; readable on light and dark."""
    end = max([each.at_s for each in report.moments] + [10.0])
    scale = (_WIDTH - _LEFT - 24) / end
    height = _TOP + _LANE * len(LANES) + 34
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="13">'
        ),
        f"<title>{escape(report.drill)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" rx="14" fill="#14101f"/>',
        (
            f'<text x="20" y="32" fill="#ece6f5" font-size="18" font-weight="700">{escape(report.drill)}: '
            f"{'green' if report.is_green else 'not green'}</text>"
        ),
    ]
    for number, lane in enumerate(LANES):
        y = _TOP + number * _LANE + _LANE // 2
        parts.append(f'<text x="20" y="{y + 4}" fill="#b1a6c4">{lane}</text>')
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 24}" y1="{y}" y2="{y}" stroke="#372e50"/>')
        parts += _lane([each for each in report.moments if each.lane == lane], y, scale, _COLOURS[lane])
    parts += _axis(end, scale, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lane(moments: Iterable[Moment], y: int, scale: float, colour: str) -> list[str]:
    """Dots with their words, alternately above and below the line so that neighbours do not cover each other."""
    found = []
    for number, each in enumerate(moments):
        x = _LEFT + each.at_s * scale
        words = each.what if len(each.what) <= _LONGEST else each.what[: _LONGEST - 1] + "…"
        anchor = "end" if x > _WIDTH * 0.7 else "start"
        shift = -10 if anchor == "end" else 10
        level = y - 9 if number % 2 == 0 else y + 19
        found.append(f'<circle cx="{x:.1f}" cy="{y}" r="5.5" fill="{colour}"/>')
        found.append(
            f'<text x="{x + shift:.1f}" y="{level}" fill="{colour}" text-anchor="{anchor}">'
            f"{each.at_s:.1f} s {escape(words)}</text>"
        )
    return found


def _axis(end: float, scale: float, height: int) -> list[str]:
    step = next(each for each in (1, 2, 5, 10, 20, 30, 60, 120, 300) if end / each <= 12 or each == 300)  # noqa: PLR2004 - ticks that fit
    ticks = range(0, int(end) + 1, step)
    return [
        f'<text x="{_LEFT + tick * scale:.1f}" y="{height - 12}" fill="#b1a6c4" text-anchor="middle">{tick} s</text>'
        for tick in ticks
    ]
