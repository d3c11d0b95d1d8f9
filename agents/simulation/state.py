"""What one running simulated model remembers: its profile in force, its load, and its counters."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from agents.simulation.draw import Draw, Fault, Verdict, draw_for, fault_for, latency_for
from agents.simulation.errors import injected, overloaded
from agents.simulation.profile import Patch, SimModel, advance, merge
from agents.simulation.prometheus import Metrics

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
# Prompts whose number of calls is remembered; the oldest start again at zero beyond that.
REMEMBERED = 200_000
PREFIX = {"tgi": "tgi", "tei": "te", "openai": "sim"}


class SimState:
    """One simulated model in service. Not thread-safe: it belongs to one event loop."""

    def __init__(self, model: SimModel, clock: Clock, sleep: Sleep) -> None:
        """`clock` gives seconds and only moves forward; `sleep` waits for seconds."""
        self.profile = model
        self.clock = clock
        self.sleep = sleep
        self.prefix = PREFIX[model.protocol]
        first_s = 0.00001 if self.prefix == "te" else 0.0001
        bounds = [model.max_total_tokens / 100 * (i + 1) for i in range(100)]
        self.metrics = Metrics(self.prefix, first_s, bounds)
        self.metrics.add("queue_size", 0)
        self.stopping = asyncio.Event()
        self.calls = 0
        self.in_service = 0
        self.abandoned = 0
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self._started = clock()
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def begin(self) -> SimModel:
        """Count a call; the profile that it is served under, changes that are due applied."""
        self.catch_up()
        self.calls += 1
        return self.profile

    def catch_up(self) -> SimModel:
        """Apply the changes that are due."""
        self.profile = advance(self.profile, self.clock() - self._started, self.calls)
        return self.profile

    def change(self, patch: Patch) -> SimModel:
        """Merge `patch` into the profile in force (`ProfileError` when it can't be)."""
        self.profile = merge(self.catch_up(), patch)
        return self.profile

    def draw(self, prompt: str) -> Draw:
        """The random source of the next call with `prompt`."""
        key = blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        attempt = self._seen.pop(key, 0)
        self._seen[key] = attempt + 1
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return draw_for(self.profile.seed, self.profile.name, prompt, attempt)

    @contextmanager
    def place(self, count: int = 1) -> Iterator[None]:
        """Hold `count` places of the model's concurrency limit. Raises 429 when not free."""
        if self.in_service + count > self.profile.max_concurrent_requests:
            raise overloaded()
        self.in_service += count
        try:
            yield
        finally:
            self.in_service -= count

    def strike(self, model: SimModel, draw: Draw) -> Fault | None:
        """The fault that strikes this call, counted."""
        fault = fault_for(model, draw)
        if fault is not None:
            self.faults[fault] += 1
        return fault

    async def queue(self, model: SimModel, draw: Draw, places: int) -> float:
        """Wait as long as the load delays the start; the seconds of work that remain.

        What `slowdown_per_request` adds counts as time in the queue.
        """
        latency_s = latency_for(model.latency, draw)
        others = self.in_service - places
        self.metrics.add("queue_size", 1)
        try:
            if wait_s := latency_s * model.slowdown_per_request * others:
                await self.sleep(wait_s)
        finally:
            self.metrics.add("queue_size", -1)
        return latency_s

    async def hang(self) -> None:
        """Never answer: until the client leaves (cancels this) or the server stops."""
        await self.stopping.wait()
        raise injected(503)

    def judged(self, verdict: Verdict) -> None:
        """Count what kind of answer was meant."""
        self.verdicts[verdict] += 1

    def counters(self) -> dict[str, Any]:
        """Body of GET /sim/requests."""
        return {
            "calls": self.calls,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": dict(self.faults),
            "answers": dict(self.verdicts),
            "in_service": self.in_service,
            "abandoned": self.abandoned,
        }
