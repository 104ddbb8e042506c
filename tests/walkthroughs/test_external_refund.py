"""Somebody gives money back in the gateway's own dashboard: it counts, it is told, and a person finds out why."""

from tests.approvals.asking import bought
from tests.cli.running import cubano_beside, environment, read
from tests.payments.history import refund
from tests.stage import Stage
from tests.walkthroughs.scene import PASS, Scene, hear, look, passes
from tests.webhooks.applying import Inbox


async def test_what_was_done_outside_is_known_inside(stage: Stage, inbox: Inbox):
    """A part and then the rest: the order, the books and the customer know; each is a case until somebody has looked."""
    checkout = await bought(stage, inbox)
    intent = (await stage.rows("SELECT payment_ref FROM payments"))[0][0]
    env = environment(stage.settings.database_url.get_secret_value())

    await refund(stage, intent, PASS)
    await hear(stage, inbox)
    part = await look(stage, inbox, checkout)
    listed = await cubano_beside(env, "cases", "ls", "--json")
    case = read(listed)[0]
    closed = await cubano_beside(env, "cases", "close", case["case"], "--resolution", "Ben, by hand.", "--by", "ana")
    again = await cubano_beside(env, "cases", "close", case["case"], "--resolution", "Ben, by hand.")
    await refund(stage, intent)
    await hear(stage, inbox)
    whole = await look(stage, inbox, checkout)
    shown = await cubano_beside(env, "cases", "show", case["case"])

    letters = {"confirmation": 1, "refund_made": 1}
    one_back = await passes(stage, sold=2, back=1)
    assert Scene("partially_refunded", {"valid": 2}, 2, letters, ["refund_external"], one_back) == part
    assert (0, 0, 1, 0) == (listed.exit_code, closed.exit_code, again.exit_code, shown.exit_code)
    assert ("refund_external", "finance", PASS) == (case["kind"], case["owner"], case["detail"]["amount"])
    assert "Ben, by hand." in shown.stdout
    assert ("refunded", {"void": 2}, 0) == (whole.order, whole.tickets, whole.sold)
    assert (["refund_external"], letters | {"refund_made": 2}) == (whole.cases, whole.letters)
    assert 0 == whole.books.get("clearing:stripe", 0)
    trail = await stage.rows("SELECT actor_name FROM audit_trail WHERE action = 'case.close'")
    assert [("cli:ana",)] == trail
