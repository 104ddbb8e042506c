"""Which story leads to which point: by the beginning of the point's name, the longest beginning counts.

A point that no story reaches fails its test by name: write the story, or a reason into `points.READS` or
`points.BOOKKEEPING`.
"""

from collections.abc import Mapping

from tests.crash import mishaps, stories
from tests.crash.stories import BOTH, Story

STORIES: Mapping[str, Story] = {
    "buys": Story(stories.buys),
    "goes away": Story(stories.goes_away),
    "pays at the end": Story(stories.pays_at_the_end),
    "pays unheard": Story(stories.pays_unheard),
    "is found in the list": Story(stories.is_found_in_the_list),
    "is told twice": Story(stories.is_told_twice),
    "buys thinly": Story(stories.buys_thinly, payload="thin"),
    "is refused": Story(stories.is_refused),
    "has no answer": Story(stories.has_no_answer),
    "is looked up": Story(stories.is_looked_up),
    "is declined first": Story(stories.is_declined_first),
    "pays by bank": Story(stories.pays_by_bank),
    "bank fails": Story(stories.bank_fails),
    "has no mail server": Story(stories.has_no_mail_server),
    "is refunded outside": Story(stories.is_refunded_outside),
    "is disputed": Story(stories.is_disputed),
    "approves": Story(stories.approves, BOTH),
    "approves twice": Story(stories.approves_twice, BOTH),
    "is reconciled": Story(stories.is_reconciled),
    "is settled and taken back": Story(stories.is_settled_and_taken_back),
    "is older than the journal": Story(stories.is_older_than_the_journal),
    "pays too late": Story(mishaps.pays_too_late),
    "gets no money back": Story(mishaps.gets_no_money_back, findings=("late-payment-waits",)),
    "is given back by two": Story(mishaps.is_given_back_by_two),
    "is refunded unheard": Story(mishaps.is_refunded_unheard),
    "is refunded at last": Story(mishaps.is_refunded_at_last),
    "is refunded under another key": Story(mishaps.is_refunded_under_another_key),
    "hears nothing of its refund": Story(mishaps.hears_nothing_of_its_refund),
    "waits for its refund": Story(mishaps.waits_for_its_refund),
    "pays elsewhere": Story(mishaps.pays_elsewhere, BOTH),
    "pays twice": Story(mishaps.pays_twice, BOTH),
    "approves unheard": Story(mishaps.approves_unheard, BOTH),
    "is captured unheard": Story(mishaps.is_captured_unheard, BOTH),
    "is not captured": Story(mishaps.is_not_captured, BOTH),
}

# The first story is played in every run, the others when all are asked for.
_WAYS: Mapping[str, tuple[str, ...]] = {
    "approvals.flow": ("is given back by two",),
    "checkout.flow": ("buys", "goes away", "approves"),
    "checkout.flow._turn_to": ("pays elsewhere", "pays twice"),
    "checkout.flow._undo": ("has no answer", "is refused"),
    "completion.flow._end": ("goes away", "has no answer"),
    "completion.flow._close_page": ("goes away", "has no answer", "pays elsewhere"),
    "completion.flow._find_page:call-1": ("has no answer", "pays elsewhere"),
    "completion.flow._find_page:call-2": ("is looked up",),
    "completion.flow.find_out": ("pays unheard",),
    "completion.flow._believe": ("approves", "pays at the end", "pays unheard"),
    "completion.flow.capture": ("approves", "approves twice"),
    "completion.flow._take:call-1": ("is captured unheard",),
    "completion.flow._take:call-2": ("approves", "approves twice", "approves unheard"),
    "completion.flow._take:call-3": ("is not captured",),
    "completion.flow._lose": ("approves unheard",),
    "completion.flow._decline": ("approves twice", "is not captured"),
    "deliveries": ("buys",),
    "keeping": ("is older than the journal",),
    "reconciliation": ("is reconciled",),
    "settlements": ("is reconciled",),
    "settlements.flow.refresh": ("is settled and taken back",),
    "settlements.flow.read": ("buys", "is reconciled"),
    "recovery.flow.read_list": ("is found in the list",),
    "recovery.flow._lease": ("is found in the list",),
    "recovery.flow._mark": ("is found in the list",),
    "recovery.flow.fetch_thin": ("buys thinly", "approves"),
    "recovery.flow._fetch": ("buys thinly", "approves"),
    "recovery.flow.ask_about_stuck": ("pays unheard",),
    "refunds.flow": ("pays too late", "pays twice"),
    "dispatch.flow": ("pays too late", "pays twice"),
    "dispatch.flow._look_up": ("is refunded unheard",),
    "dispatch.flow._try": ("pays too late", "pays twice", "is refunded at last", "is refunded under another key"),
    "dispatch.flow.look_up_pending": ("hears nothing of its refund",),
    "dispatch.flow._find_out": ("hears nothing of its refund",),
    "dispatch.flow._refuse": ("gets no money back",),
    "webhooks": ("buys", "is declined first", "pays by bank", "bank fails", "is refunded outside", "is disputed"),
    "webhooks.flow.Intake._insert:commit-2": ("is told twice",),
    "worker": ("buys",),
    "worker.Worker._ask_about_stuck": ("waits for its refund",),
    "worker.Worker._find_expired": ("goes away",),
    "worker.Worker._put_off": ("has no mail server",),
}


def ways_to(point: str) -> tuple[str, ...]:
    """The stories that lead to a point; empty when the table knows none."""
    fitting = [start for start in _WAYS if point.startswith(start)]
    return _WAYS[max(fitting, key=len)] if fitting else ()
