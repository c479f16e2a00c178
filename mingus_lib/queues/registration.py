"""A worker as RQ and its tools see it: registered under a name, beating, listening to commands."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from rq import worker_registration
from rq.serializers import JSONSerializer
from rq.worker import Worker

from mingus_lib.errors import RedisUnavailable, UsageError
from mingus_lib.queues.attention import Attention
from mingus_lib.queues.child import Child
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import BEATS, WAKE, Delivery, Taken
from mingus_lib.queues.owner import Process, resident_bytes

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import PubSub

log = logging.getLogger("mingus.worker")

BEAT_SECONDS = 5.0
PUBSUB_PAUSE_SECONDS = 1.0
# RQ's tools list no worker whose hash has expired.
WORKER_TTL_SECONDS = 60


class RegisteredWorker(Worker):
    """RQ's worker without its loop. The loop keeps `held` (the job in the child), `child` and `state_word` right."""

    def __init__(
        self,
        queues: Sequence[str],
        *,
        name: str,
        connection: Redis,
        where: str,
        attention: Attention,
    ) -> None:
        super().__init__(
            list(queues),
            name=name,
            connection=connection,
            # RQ's default is pickle, by which whoever writes to Redis runs code here.
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
        )
        # A command that is sent again by itself could take two jobs: what fails, fails, and the loop tries again.
        connection.set_retry(Retry(NoBackoff(), 0))
        self.delivery = Delivery(connection, where)
        self._line: Redis | None = None
        self.process = Process.this()
        self.where = where
        self.attention = attention
        self.child: Child | None = None
        self.held: Taken | None = None
        self.state_word = "idle"
        self.recycled = ""
        # Who would start it again, and whether it was told to leave for good, which is more than a signal says.
        self.supervisor: Process | None = None
        self.dismissed = False
        self.kill_wanted: str | None = None
        self._next_beat = 0.0

    @property
    def connection_timeout(self) -> int:
        """RQ's socket timeout, which must outlast any single command."""
        return 30

    def _set_ip_address(self, connection: Redis) -> None:
        """RQ's own asks Redis, and a worker that is made while Redis is away would end at once."""
        self.ip_address = "unknown"

    # What RQ's commands call, from the thread that hears them.

    def get_current_job_id(self) -> str | None:
        """The job in the child, for RQ's stop-job command."""
        return self.held.id if self.held else None

    @property
    def horse_pid(self) -> int:
        """The busy child's pid, 0 when idle: what RQ's kill-horse command looks at."""
        return self.child.pid if self.child and self.held else 0

    def kill_horse(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Have the loop kill the child, if it still runs the job that it runs now."""
        # RQ notes which job it stops, then calls this: meanwhile the loop may have begun the next one.
        self.kill_wanted = self._stopped_job_id or (self.held.id if self.held else None)
        self.attention.wake()

    def request_stop_execution(self, execution_id: str) -> None:
        """RQ's own looks among executions that its loop would have noted."""
        held = self.held
        if held is not None and held.owner.execution == execution_id:
            self._stopped_job_id = held.id
            self.kill_horse()

    def handle_payload(self, message: Any) -> None:
        """A command from Redis, which anybody there can send."""
        try:
            self.dismissed = self.dismissed or json.loads(message["data"])["command"] == "shutdown"
            super().handle_payload(message)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            # An error that got out of here would end the thread, and nobody would be heard any more.
            log.warning("a command that is none was ignored (%s)", type(error).__name__)
        self.attention.wake()

    def subscribe(self) -> None:
        """Listen for RQ's commands and for new jobs, in a thread that only wakes the loop."""
        self.pubsub = self.connection.pubsub()
        handlers: dict[str, Any] = {self.pubsub_channel_name: self.handle_payload, WAKE: self.attention.wake}
        self.pubsub.subscribe(**handlers)
        self.pubsub_thread: Any = self.pubsub.run_in_thread(
            sleep_time=60, daemon=True, exception_handler=self._pubsub_exception_handler
        )

    def _pubsub_exception_handler(self, exc: Exception, pubsub: PubSub, pubsub_thread: Any) -> None:
        """In the thread: try again quietly, since the loop says that Redis is away."""
        if not isinstance(exc, RedisConnectionError | RedisTimeoutError):
            raise exc
        # redis-py calls this again at once: while Redis is away, its thread would spin.
        time.sleep(PUBSUB_PAUSE_SECONDS)

    def unsubscribe(self) -> None:
        """Leave the channels; RQ would wait a second for its thread, which ends with the process."""
        if self.pubsub_thread and self.pubsub:
            self.pubsub.unsubscribe()
            self.pubsub_thread.stop()

    # Registration.

    def register_birth(self) -> None:
        """Register under our name, unless a living worker has it. Raises UsageError."""
        holder = self.connection.hget(self.key, "process")
        other = Process.parse(holder.decode("utf-8", "replace")) if isinstance(holder, bytes) else None
        if other is not None and other != self.process and not other.gone:
            raise UsageError(f"a worker named {self.name!r} runs already; stop it, or take another --name")
        # A dead namesake's hash may say that it was told to leave, and then nobody would tell us.
        self.connection.delete(self.key)
        self.birth_date = datetime.now(UTC)
        self._register()

    def serialize(self) -> dict[str, Any]:
        """The worker's hash in Redis: RQ's fields and ours."""
        self.last_heartbeat = datetime.now(UTC)
        child = self.child
        return {
            **super().serialize(),
            "process": str(self.process),
            "supervisor": str(self.supervisor or ""),
            "state": self.state_word,
            "current_job": self.held.id if self.held else "",
            "memory": resident_bytes(os.getpid()),
            "child_memory": resident_bytes(child.pid) if child else 0,
            "child_pid": child.pid if child else 0,
            "recycled": self.recycled,
        }

    def beat_if_due(self) -> bool:
        """Say every 5 s that we live; False when the job in our hands has another owner by now."""
        now = time.monotonic()
        if now < self._next_beat:
            return True
        # Before it is sent: a silent Redis costs its time-out every 5 s, not at every turn.
        self._next_beat = now + BEAT_SECONDS
        try:
            known, mine = self.delivery.beat(self.name, self.serialize(), WORKER_TTL_SECONDS, self.held)
            # Redis has lost its memory, or a keeper took us for dead: RQ's lists lack us.
            if not known:
                with self._translated():
                    self._register()
        except RedisUnavailable as error:
            # The job goes on: the first beat that arrives tells whether it is still ours.
            log.debug("no beat: %s", error)
            return True
        return mine

    def beat_soon(self) -> None:
        """Let the next look beat: something about us has changed."""
        self._next_beat = 0.0

    def take_own_line(self) -> None:
        """Deliver over a connection of its own: taking one from the pool costs a tenth of a short job.

        One that failed is not used again: redis-py would connect it to the same server, whatever Sentinel says.
        """
        if self._line is not None:
            self._line.close()
        self._line = self.connection.client()
        self.delivery = Delivery(self._line, self.where)

    def sign_off(self) -> None:
        """Leave Redis, if it can be reached."""
        try:
            with self._translated():
                self.unsubscribe()
                self.register_death()
                # RQ does not know of it, and a keeper cleans up only after those that RQ's lists still name.
                self.connection.hdel(BEATS, self.name)
        except RedisUnavailable as error:
            log.warning("worker %s has left without telling Redis: %s", self.name, error)
        else:
            log.info("worker %s has left", self.name)

    def _register(self) -> None:
        fields: Any = self.serialize()
        with self.connection.pipeline() as pipeline:
            # In one transaction: a name without a hash is what keepers take for a dead worker.
            pipeline.hset(self.key, mapping=fields)
            worker_registration.register(self, pipeline)
            pipeline.expire(self.key, WORKER_TTL_SECONDS)
            pipeline.execute()

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.where)
