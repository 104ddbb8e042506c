"""What nobody knows of a run's acts, and what a person who has looked may say of each. Pure.

Of an act: whether it was done. Where all are known to be done it is putting back that did not come out: whether that stands.
"""

from collections.abc import Mapping

from runbooks.engine.runs import Attempt, Run

DONE, PUT_BACK = "done", "put back"
OF_AN_ACT = (DONE, "not done")
OF_PUTTING_BACK = (PUT_BACK, "still there")
_UNSURE = frozenset({"", "unknown"})


def doubts(run: Run) -> Mapping[str, tuple[str, ...]]:
    """The steps a person is asked about, with the answers there are."""
    left = [each for each in run.attempts.values() if not each.undone]
    unsure = [each for each in left if each.outcome in _UNSURE]
    asked = dict.fromkeys((each.step for each in unsure), OF_AN_ACT)
    return asked or dict.fromkeys((each.step for each in left if _stands(each)), OF_PUTTING_BACK)


def _stands(attempt: Attempt) -> bool:
    return attempt.outcome == DONE
