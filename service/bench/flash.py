"""`flash-sale`: 64 buyers who all want the same type, beside 64 who want one each; then the last seats, and who got them.

The second have the same handler, statements and gateway, and no row that two of them want: what the processor would allow
if stock cost nothing. The last seats are counted: not one too many, and nobody is told "sold out" while there is one.
"""

import psycopg

from service.bench.drive import Stretch, generate
from service.bench.load import GONE, Plan
from service.bench.system import System

BUYERS = 64
SEATS = 60  # the last ones
TOO_MANY = 64  # buyers beyond them
AGAIN = "503"  # too many at this moment: no word about seats
_SECONDS = 30
_TYPES = """
    INSERT INTO ticket_types (id, kind, position, names, descriptions, price_minor, price_currency, max_per_order, tax_bp)
        SELECT 'full-pass-' || n, kind, position, names, descriptions, price_minor, price_currency, max_per_order, tax_bp
        FROM ticket_types, generate_series(0, %(last)s) n WHERE id = 'full-pass' ON CONFLICT DO NOTHING;
    INSERT INTO stock (ticket_type, capacity)
        SELECT 'full-pass-' || n, capacity FROM stock, generate_series(0, %(last)s) n WHERE ticket_type = 'full-pass'
        ON CONFLICT DO NOTHING;
"""


def prepare(system: System) -> None:
    """A type for each buyer, as the one all want."""
    with psycopg.connect(system.dsn) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_TYPES.encode(), {"last": BUYERS - 1})


async def last_seats(system: System, plan: Plan) -> list[str]:
    """Sell the last seats to more buyers than there are, and say what went wrong; `plan` is of the hot type."""
    system.ask(f"UPDATE stock SET capacity = held + sold + {SEATS} WHERE ticket_type = 'full-pass'")  # noqa: S608 - a number
    plan.connections, plan.seconds, plan.most = BUYERS, _SECONDS, SEATS + TOO_MANY
    stretch = await generate(system, plan)
    return judge(stretch, _left(system), _held_later(system, stretch.gone_at))


def judge(stretch: Stretch, left: int, held_later: int) -> list[str]:
    """What was promised and not kept; `held_later` seats were taken after somebody had been told that there are none."""
    wrong = []
    if stretch.completed > SEATS or left < 0:
        wrong.append(f"oversold: {stretch.completed} holds for {SEATS} seats")
    if left > 0 and (told := stretch.answers.get(GONE, 0)):
        wrong.append(f"{told} were refused while {left} seats were left")
    if held_later:
        wrong.append(f"{held_later} seats were taken after somebody had been told that there are none")
    others = {status: count for status, count in stretch.answers.items() if status not in {"201", GONE, AGAIN}}
    if others:
        wrong.append(f"answers that are no sale and no refusal: {others}")
    return wrong


def _left(system: System) -> int:
    return int(str(system.ask("SELECT capacity - held - sold FROM stock WHERE ticket_type = 'full-pass'")[0][0]))


def _held_later(system: System, gone_at: float) -> int:
    if not gone_at:
        return 0
    asked = f"SELECT count(*) FROM holds WHERE ticket_type = 'full-pass' AND created_at > to_timestamp({gone_at})"  # noqa: S608 - a number
    return int(str(system.ask(asked)[0][0]))
