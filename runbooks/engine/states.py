"""The life of a run as a table: `(state, event) -> state`. Pure; the diagram in the documents is printed from it.

What is not in the table does not happen: `advance` answers None, and whoever asked came too late. `worse` is left by
itself, as soon as what was done is put back or nobody knows whether it is.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a run stands."""

    RECEIVED = "received"
    PLANNED = "planned"  # it may also wait here for another run that changes the same
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    WAITING_HUMAN = "waiting_human"
    VERIFYING = "verifying"
    WORSE = "worse"
    RECOVERED = "recovered"
    NO_EFFECT = "no_effect"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    STOPPED = "stopped"  # a check said that it is another fault, or a limit that a person has to look
    OBSERVED = "observed"  # evidence and advice only
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # nobody knows whether an act was done: a person looks


class Event(StrEnum):
    """What happens to a run."""

    PLAN = "plan"
    REPLAN = "replan"
    ASK = "ask"
    BEGIN = "begin"
    WAIT = "wait"
    ANSWER = "answer"
    VERIFY = "verify"
    PROCEED = "proceed"  # it is verified, and steps follow
    RECOVER = "recover"
    TIME_OUT = "time_out"
    WORSEN = "worsen"
    ROLL_BACK = "roll_back"
    ABORT = "abort"
    STOP = "stop"
    OBSERVE = "observe"
    REFUSE = "refuse"
    EXPIRE = "expire"
    LOSE = "lose"


_S, _E = State, Event
TABLE: dict[tuple[State, Event], State] = {
    (_S.RECEIVED, _E.PLAN): _S.PLANNED,
    (_S.RECEIVED, _E.STOP): _S.STOPPED,
    (_S.RECEIVED, _E.ABORT): _S.ABORTED,
    (_S.PLANNED, _E.ASK): _S.AWAITING_APPROVAL,
    (_S.PLANNED, _E.BEGIN): _S.RUNNING,
    (_S.PLANNED, _E.OBSERVE): _S.OBSERVED,
    (_S.PLANNED, _E.STOP): _S.STOPPED,
    (_S.PLANNED, _E.EXPIRE): _S.EXPIRED,
    (_S.PLANNED, _E.ABORT): _S.ABORTED,
    (_S.AWAITING_APPROVAL, _E.BEGIN): _S.RUNNING,
    (_S.AWAITING_APPROVAL, _E.REPLAN): _S.PLANNED,
    (_S.AWAITING_APPROVAL, _E.REFUSE): _S.REFUSED,
    (_S.AWAITING_APPROVAL, _E.EXPIRE): _S.EXPIRED,
    (_S.AWAITING_APPROVAL, _E.ABORT): _S.ABORTED,
    (_S.RUNNING, _E.REPLAN): _S.PLANNED,
    (_S.RUNNING, _E.WAIT): _S.WAITING_HUMAN,
    (_S.RUNNING, _E.VERIFY): _S.VERIFYING,
    (_S.RUNNING, _E.RECOVER): _S.RECOVERED,
    (_S.RUNNING, _E.OBSERVE): _S.OBSERVED,
    (_S.RUNNING, _E.TIME_OUT): _S.NO_EFFECT,
    (_S.RUNNING, _E.STOP): _S.STOPPED,
    (_S.RUNNING, _E.ABORT): _S.ABORTED,
    (_S.RUNNING, _E.LOSE): _S.UNKNOWN,
    (_S.WAITING_HUMAN, _E.ANSWER): _S.RUNNING,
    (_S.WAITING_HUMAN, _E.EXPIRE): _S.EXPIRED,
    (_S.WAITING_HUMAN, _E.ABORT): _S.ABORTED,
    (_S.VERIFYING, _E.PROCEED): _S.RUNNING,
    (_S.VERIFYING, _E.TIME_OUT): _S.NO_EFFECT,
    (_S.VERIFYING, _E.WORSEN): _S.WORSE,
    (_S.VERIFYING, _E.ABORT): _S.ABORTED,
    (_S.WORSE, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.WORSE, _E.LOSE): _S.UNKNOWN,
    (_S.RECOVERED, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.NO_EFFECT, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.ABORTED, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.ABORTED, _E.LOSE): _S.UNKNOWN,  # it was ended while an act was in flight, and that act was not heard of again
    (_S.STOPPED, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.EXPIRED, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.UNKNOWN, _E.ROLL_BACK): _S.ROLLED_BACK,
    (_S.UNKNOWN, _E.ANSWER): _S.RUNNING,  # a person has looked: it was done
    (_S.UNKNOWN, _E.ABORT): _S.ABORTED,  # a person has looked: it was not
}

OPEN = frozenset({
    *(_S.RECEIVED, _S.PLANNED, _S.AWAITING_APPROVAL, _S.RUNNING, _S.WAITING_HUMAN, _S.VERIFYING, _S.WORSE, _S.UNKNOWN),
})  # fmt: skip
FAILED = frozenset({_S.NO_EFFECT, _S.WORSE, _S.ROLLED_BACK, _S.ABORTED, _S.UNKNOWN})  # it does not act by itself again


def advance(state: State, event: Event) -> State | None:
    """Where the event leads; None when it does not happen in this state."""
    return TABLE.get((state, event))


def mermaid() -> str:
    """The table as a Mermaid state diagram, in the order in which it is written."""
    moves = [f"{state} --> {to}: {event}" for (state, event), to in TABLE.items()]
    left = {state for state, _ in TABLE}
    ends = [f"{state} --> [*]" for state in State if state not in left or state not in OPEN]
    return "\n    ".join(["stateDiagram-v2", f"[*] --> {State.RECEIVED}", *moves, *ends]) + "\n"
