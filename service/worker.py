"""`create_worker(settings)`: what happens without a customer waiting for it.

Loops take events from the inbox and messages from the outbox until they are told to stop; a few timers keep the figures
fresh, close what nobody paid and look for what no webhook brought. Each family of messages has loops of its own, so a
mail server that hangs keeps no seat held. Any number of workers may run beside each other: rows are claimed, never
assigned. On SIGTERM each loop ends the piece of work in its hands; what takes longer than `GRACE_S` is broken off and
handed back.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from service.approvals.flow import expire_undecided
from service.checkout.flow import EXPIRE
from service.controls import flow as controls
from service.deliveries import FAMILIES, Delivery, create_deliveries, family_of
from service.dispatch.flow import ask_again, look_up_pending
from service.disputes.flow import remind
from service.erasure.flow import scrub_late
from service.figures import Figures
from service.gateways.base import Capability
from service.health import Health
from service.idempotency import flow as idempotency
from service.keeping.flow import Walk
from service.kernel import outbox
from service.kernel.clock import Clock, utc_now
from service.kernel.errors import Parked
from service.kernel.outbox import Message
from service.links import flow as links
from service.lookout import LOOK_S as LOOKOUT_S
from service.lookout import NAME as LOOKOUT
from service.lookout import Lookout
from service.orders import flow as orders
from service.parts import INVARIANTS, ON_EVENT, Parts, build_parts, build_synthetic_buyer, terms_of
from service.reconciliation.flow import keep_up
from service.recovery.flow import ask_about_stuck, fetch_thin, sweep
from service.recovery.rules import LOOK
from service.sessions import flow as sessions
from service.settings import Settings
from service.telemetry import catalogue
from service.telemetry.logs import bound, get_logger
from service.telemetry.tracing import Kind
from service.tries import flow as tries
from service.webhooks.flow import Intake, apply_next

log = get_logger("worker")

INBOX_LOOPS = 4  # events of different orders side by side; more only wait for each other's locks
OUTBOX_LOOPS = 2  # in each family
RENEW_S = 10.0  # between two renewals of a lease; two may fail before it runs out
IDLE_S = 10.0  # between two turns of a loop of a queue that nobody wakes: only how long a lookout that fails delays
ERROR_PAUSE_S = 1.0  # after a failed turn (the database is away); doubled up to the cap
ERROR_PAUSE_CAP_S = 15.0
STALLED_S = 60  # a loop that has not turned for so long is stuck
EXPIRY_BATCH = 50
FETCHES = 10  # objects of thin events at once
STUCK_BATCH = 20  # orders, and refunds, asked about in one turn: a few a second, in the gateways' quietest lane
LOOK_S = LOOK.total_seconds()
BOOKS_S = 5.0  # between two looks whether movements are to be read, a day to be compared, or the books to be walked
GRACE_S = 4.5  # for work in hand at the end; what follows fits in before the supervisor kills at 7 s
HAND_BACK_S = 1.0

QUEUES = {  # the loops of each: one takes what there is, more join while it has its hands full
    "inbox": [f"inbox-{number}" for number in range(INBOX_LOOPS)],
    "thin": ["thin"],
    **{family: [f"{family}-{number}" for number in range(OUTBOX_LOOPS)] for family in FAMILIES},
}

Turn = Callable[[], Awaitable[bool]]


def create_worker(settings: Settings, *, clock: Clock = utc_now) -> "Worker":
    """The whole background side; everything it needs is built here from the settings."""
    parts = build_parts(settings, "work", clock=clock)
    return Worker(parts, deliveries=create_deliveries(parts, settings), intake=Intake(parts.db))


@dataclass
class Worker:
    """Loops and timers over one set of parts. `run` returns after `stop` was set and all work in hand is done."""

    parts: Parts
    deliveries: Mapping[str, Delivery]
    intake: Intake
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    turned_at: dict[str, float] = field(default_factory=dict)
    started_at: dict[str, float] = field(default_factory=dict)
    renew_s: float = RENEW_S
    expiry_batch: int = EXPIRY_BATCH

    def __post_init__(self) -> None:
        self._lookout = Lookout(self.parts.db, QUEUES, self.deliveries)

    async def run(self) -> None:
        """Work until `stop` is set."""
        settings, health = self.parts.settings, Health(self.parts.db)
        health.watch("loops", self._loops_turn)
        health.expect("switches", self.parts.shop.switches.check_read)
        figures = Figures(self.parts.db, INVARIANTS)
        await self.parts.db.open()
        await self.intake.open()
        self.parts.telemetry.at_scrape(self.parts.db.measure_pool)
        self.parts.telemetry.at_scrape(figures.measure_age)
        metrics = health.serve(settings.metrics_host, settings.work_metrics_port)
        log.info("worker ready", metrics_port=metrics.port)
        try:
            async with self.parts.watching():
                await self._run_loops(self._loops(figures))
        finally:
            metrics.close()
            await self.intake.close()
            await self.parts.close()
            log.info("worker stopped")

    async def _run_loops(self, loops: list[tuple[str, Turn, float]]) -> None:
        self.started_at = dict.fromkeys((name for name, _, _ in loops), time.monotonic())
        for name in self.started_at:  # one that is stuck in its first turn must be missed, too
            self.parts.telemetry.set(catalogue.WORKER_HEARTBEAT, time.time(), loop=name)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._turn_forever(*loop), name=loop[0]) for loop in loops]
            await self.stop.wait()
            self._lookout.wake_all()
            _, late = await asyncio.wait(tasks, timeout=GRACE_S)
            for task in late:
                log.warning("broken off", loop=task.get_name())
                task.cancel()

    def _loops(self, figures: Figures) -> list[tuple[str, Turn, float]]:
        livemode, buyer = self.parts.settings.livemode, build_synthetic_buyer(self.parts)
        return [
            (LOOKOUT, self._lookout.look, LOOKOUT_S),
            *((name, self._apply_event, IDLE_S) for name in QUEUES["inbox"]),
            *(
                (name, partial(self._deliver_message, family, name), IDLE_S)
                for family in FAMILIES
                for name in QUEUES[family]
            ),
            ("expiry", self._find_expired, 1.0),
            *((name, self._fetch_thin, IDLE_S) for name in QUEUES["thin"]),
            ("stuck", self._ask_about_stuck, LOOK_S),
            *(  # a loop each: a gateway that is away stops no other's
                (f"sweep-{name}", partial(sweep, self.parts.db, gateway, self.intake, livemode=livemode), LOOK_S)
                for name, gateway in self.parts.gateways.items()
                if Capability.LIST_EVENTS in gateway.capabilities
            ),
            *(
                (
                    f"books-{name}",
                    partial(keep_up, self.parts.db, gateway, terms_of(gateway, self.parts.settings)),
                    BOOKS_S,
                )
                for name, gateway in self.parts.gateways.items()
                if Capability.LIST_SETTLEMENTS in gateway.capabilities
            ),
            ("keeping", Walk(self.parts.db).turn, BOOKS_S),
            ("figures", figures.refresh, 5.0),
            ("invariants", figures.check_invariants, 30.0),
            ("forgetting", self._forget, 3600.0),
            ("controls", self._end_leases, 5.0),
            ("cases", partial(remind, self.parts.db, limit=self.expiry_batch), 60.0),
            ("approvals", partial(expire_undecided, self.parts.db, limit=self.expiry_batch), 60.0),
            ("synthetic", buyer.turn, 1.0),
        ]

    async def _turn_forever(self, name: str, turn: Turn, pause_s: float) -> None:
        """One loop: turn again at once while there is work, else wait; a failed turn waits longer each time."""
        failures = 0
        while not self.stop.is_set():
            try:
                worked = await turn()
                failures, wait_s = 0, 0.0 if worked else pause_s
                if worked:
                    self._lookout.hurry()
            except Exception:  # the outermost edge of a loop: counted, logged, tried again
                failures += 1
                wait_s = min(ERROR_PAUSE_S * (1 << min(failures - 1, 6)), ERROR_PAUSE_CAP_S)
                self.parts.telemetry.count(catalogue.WORKER_FAILURES, loop=name.partition("-")[0])
                log.exception("loop failed", loop=name, failures=failures, again_in_s=wait_s)
            self._beat(name)
            if wait_s:
                await self._lookout.rest(name, wait_s * (0.8 + 0.4 * _jitter()), wakes=not failures)  # never in step

    def _beat(self, name: str) -> None:
        self.turned_at[name] = time.monotonic()
        self.parts.telemetry.set(catalogue.WORKER_HEARTBEAT, time.time(), loop=name)

    async def _loops_turn(self) -> str:
        now, seen = time.monotonic(), self.started_at | self.turned_at  # one that never turned is late, too
        late = [name for name, at in seen.items() if name.startswith(("inbox", *FAMILIES)) and now - at > STALLED_S]
        if late:
            raise RuntimeError(f"not turning: {', '.join(late)}")
        return f"{len(self.turned_at)} loops turn"

    async def _apply_event(self) -> bool:
        return await apply_next(self.parts.db, self.parts.gateways, ON_EVENT, jitter=_jitter())

    async def _deliver_message(self, family: str, loop: str) -> bool:
        kinds = [kind for kind in self.deliveries if family_of(kind) == family]
        async with self.parts.db.transaction() as session:
            claimed = await outbox.claim(session, kinds=kinds, limit=1)
        for message in claimed:
            span = self.parts.telemetry.span(
                f"deliver {message.kind}", traceparent=message.traceparent, kind=Kind.CONSUMER
            )
            with span, bound(order_id=message.payload.get("order_id", "")):
                await self._deliver(message, loop)
        return bool(claimed)

    async def _deliver(self, message: Message, loop: str) -> None:
        keeping = asyncio.create_task(self._keep(message, loop))
        try:
            async with asyncio.timeout(FAMILIES[family_of(message.kind)]):
                await self.deliveries[message.kind](message)
        except asyncio.CancelledError:
            await self._hand_back(message)
            raise
        except Exception as error:  # noqa: BLE001 - the edge of one message: stored, counted, tried again
            await self._put_off(message, error)
            return
        finally:
            keeping.cancel()
        async with self.parts.db.transaction() as session:
            await outbox.finish(session, message)
            session.count(catalogue.OUTBOX_DELIVERED, kind=message.kind, outcome="delivered")

    async def _keep(self, message: Message, loop: str) -> None:
        """Renew the lease while the delivery goes on, however long it takes; a slow one is no stuck loop."""
        held = True
        while held:
            await asyncio.sleep(self.renew_s)
            self._beat(loop)
            try:
                async with self.parts.db.transaction() as session:
                    held = await outbox.renew(session, message)
            except (sa.exc.SQLAlchemyError, OSError) as error:  # the next may succeed before the lease runs out
                log.warning("lease not renewed", kind=message.kind, exc_info=error)

    async def _put_off(self, message: Message, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        async with self.parts.db.transaction() as session:
            if isinstance(error, Parked):
                state = await outbox.park(session, message, reason)
            else:
                state = await outbox.postpone(session, message, reason, jitter=_jitter())
            outcome = "dead" if state == "dead" else "retried"
            session.count(catalogue.OUTBOX_DELIVERED, kind=message.kind, outcome=outcome)
        log.warning(
            "message not delivered", kind=message.kind, outcome=outcome, attempts=message.attempts, exc_info=error
        )

    async def _hand_back(self, message: Message) -> None:
        """Another worker may have it at once; when that cannot be written in time, its lease runs out."""
        try:
            async with asyncio.timeout(HAND_BACK_S), self.parts.db.transaction() as session:
                await outbox.hand_back(session, message)
        except (sa.exc.SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
            log.warning("message not handed back", kind=message.kind, exc_info=error)

    async def _find_expired(self) -> bool:
        """Hand every order whose hold has run out to the outbox, which asks the gateway and retries."""
        async with self.parts.db.transaction() as session:
            await orders.find_expired(session, kind=EXPIRE, limit=self.expiry_batch)
        return False

    async def _end_leases(self) -> bool:
        async with self.parts.db.transaction() as session:
            ended = await controls.end_leases(session)
        for name in ended:
            log.warning("a lease has ended, the switch is normal again", control=name)
        return False

    async def _fetch_thin(self) -> bool:
        return await fetch_thin(self.parts.db, self.parts.gateways, limit=FETCHES, jitter=_jitter())

    async def _ask_about_stuck(self) -> bool:
        async with self.parts.db.transaction() as session:
            await ask_again(session, limit=self.expiry_batch)
        await look_up_pending(self.parts.db, self.parts.gateways, limit=STUCK_BATCH)
        return await ask_about_stuck(self.parts.shop, limit=STUCK_BATCH)

    async def _forget(self) -> bool:
        async with self.parts.db.transaction() as session:
            left = await idempotency.forget_old(session) >= idempotency.FORGOTTEN_AT_ONCE
        async with self.parts.db.transaction() as session:
            await scrub_late(session)
            await sessions.forget_old(session)
            await tries.forget_old(session)
            await links.forget_old(session)
        return left


def _jitter() -> float:
    return random.random()  # noqa: S311 - keeps replicas apart, protects nothing
