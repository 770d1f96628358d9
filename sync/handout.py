"""Who is told to work a lane past one machine: jobs of Procrastinate on PostgreSQL.

A job only says that somebody should look at a lane. Who may work it is decided by the lane's lease
row, and what is done by the sync rows: a lost, late or doubled job changes nothing but the moment.
One job waits for a lane at most (`queueing_lock`); there is no lock over running jobs, for a job
whose worker died would keep the lane shut.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, ProcrastinateException

QUEUE = "lanes"
TASK = "drain"
SLOTS = 20
"""How many lanes one worker process works at once."""

POLL_SECONDS = 0.5
"""Procrastinate tells of new jobs only; one that waited for a slot is found by looking."""

BEAT_SECONDS = 5.0
DEAD_SECONDS = 20.0
REAP_SECONDS = 2.0
STALLED_SECONDS = 86400
"""Rows of workers are kept for a day: what a dead one left is found by its heartbeat."""

RESTART_SECONDS = 0.5
URGENT = 10
ASKERS = 4

_WORKERS = (
    "SELECT count(*) FROM procrastinate_workers "
    "WHERE last_heartbeat > now() - %(seconds)s * interval '1 second'"
)

log = structlog.get_logger("handout")

Guarded = Callable[[str, Callable[[], object]], object]


def _conninfo(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


class Handout:
    """The side that asks: every process of a house on PostgreSQL has one."""

    def __init__(self, url: str) -> None:
        self._conninfo = _conninfo(url)
        self._app = procrastinate.App(
            connector=procrastinate.SyncPsycopgConnector(
                conninfo=self._conninfo, min_size=1, max_size=ASKERS
            )
        )

    def prepare(self) -> None:
        """Open, and make Procrastinate's tables where they are not there."""
        self._app.open()
        try:
            if not self._app.check_connection():
                self._app.schema_manager.apply_schema()
        except ConnectorException:
            if not self._app.check_connection():  # else: another process made them meanwhile
                raise

    def close(self) -> None:
        """Give all connections back."""
        self._app.close()

    def ask(self, lanes: Iterable[str], *, urgent: bool = False) -> None:
        """Ask that each of `lanes` be worked, unless somebody has already; urgent: before others.

        Call it after the commit that put something in.
        """
        wanted = set(lanes)
        if not wanted:
            return
        waiting = self._locks()
        for lane in sorted(wanted):
            lock = f"{lane}!" if urgent else lane
            if lock in waiting:
                continue
            job = self._app.configure_task(
                TASK, queue=QUEUE, queueing_lock=lock, priority=URGENT if urgent else 0
            )
            with suppress(AlreadyEnqueued):
                job.defer(lane=lane)

    def crowded(self) -> bool:
        """Return whether lanes wait for a slot."""
        return bool(self._locks())

    def workers(self) -> int | None:
        """Return how many worker processes were heard of lately; None where nobody can tell."""
        try:
            row = self._app.connector.execute_query_one(_WORKERS, seconds=DEAD_SECONDS)
        except ConnectorException as error:
            log.warning("workers unknown", reason=str(error))
            return None
        return int(row["count"])

    def worker(self, drain: Callable[[str], None], guarded: Guarded) -> "Drains":
        """Return the side that works: `drain` takes a lane's name and returns when it is done."""
        return Drains(self._conninfo, drain, guarded)

    def _locks(self) -> set[str]:
        jobs = self._app.job_manager.list_jobs(queue=QUEUE, task=TASK, status="todo")
        return {job.queueing_lock for job in jobs if job.queueing_lock}


class Drains:
    """Takes jobs and drains lanes in threads, until stopped; survives its database's absence."""

    def __init__(self, conninfo: str, drain: Callable[[str], None], guarded: Guarded) -> None:
        self._conninfo = conninfo
        self._drain = drain
        self._guarded = guarded
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(SLOTS, thread_name_prefix="drain")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._supervise, name="drains", daemon=True)

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self, grace: float) -> bool:
        """Take no more jobs; returns whether the drains that ran ended within `grace` seconds."""
        self._stopping.set()
        loop, running = self._loop, self._running
        if loop and running:
            with suppress(RuntimeError):  # it ended by itself in this moment
                loop.call_soon_threadsafe(running.cancel)
        self._thread.join(grace)
        return not self._thread.is_alive()

    def _supervise(self) -> None:
        """Start a worker again and again: a lost heartbeat or listener ends one."""
        while not self._stopping.is_set():
            self._guarded("drains", lambda: asyncio.run(self._work()))
            self._stopping.wait(RESTART_SECONDS)

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=self._conninfo, min_size=1, max_size=ASKERS
            )
        )
        app.task(name=TASK, queue=QUEUE)(self._drained)
        async with app.open_async():
            self._running = asyncio.create_task(self._run(app))
            reaper = asyncio.create_task(self._reap(app))
            with suppress(asyncio.CancelledError):
                await self._running
            reaper.cancel()

    async def _run(self, app: procrastinate.App) -> None:
        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=SLOTS,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=BEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            delete_jobs="always",
            install_signal_handlers=False,
        )

    async def _drained(self, lane: str) -> None:
        """Drain in a thread of ours: Procrastinate's own run six at once."""
        if not self._stopping.is_set():
            drained = partial(self._guarded, f"drain of {lane}", partial(self._drain, lane))
            await asyncio.get_running_loop().run_in_executor(self._threads, drained)

    async def _reap(self, app: procrastinate.App) -> None:
        """Clear away the jobs of dead workers; never retried: that would revive a zombie's id."""
        while True:
            await asyncio.sleep(REAP_SECONDS)
            with suppress(ProcrastinateException):  # another process may be faster
                dead = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_SECONDS)
                for job in dead:
                    if job.id is not None:
                        await app.job_manager.finish_job_by_id_async(
                            job.id, procrastinate.jobs.Status.FAILED, delete_job=True
                        )
                        log.info("dead drain cleared", lane=job.task_kwargs.get("lane"))
