"""What a server counts: requests by route and status, their time, sources of items, events.

Counts are whole numbers here and become Prometheus's when they are asked for: its own counters take
a lock and several calls for each event, which is a tenth of the time of a list.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper ends, in seconds."""


class _Times:
    """Times of requests: how many in each bucket, the last without an end, and their sum."""

    __slots__ = "counts", "sum"

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.sum += seconds


class _Now(NamedTuple):
    """What is as it is when it is asked for."""

    release: str
    age: float


class Measures(Collector):
    """The counts of one worker, as Prometheus reads them; the label says which worker. But for
    failures, which threads tell, one thread counts.
    """

    def __init__(self) -> None:
        self._worker = str(os.getpid())
        self._requests: dict[tuple[str, int], _Times] = {}
        self._sources: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._shadow: Counter[str] = Counter()
        self.waiting = 0  # requests that were received and not answered
        self._failures = 0
        self._counting = threading.Lock()

    def request(self, route: str, status: int, began: float) -> None:
        """A request that was answered; `began` is on the clock of `time.perf_counter`."""
        found = self._requests.get((route, status))
        if found is None:
            found = self._requests[route, status] = _Times()
        found.add(time.perf_counter() - began)

    def answer(self, sources: Iterable[str], known: int, unknown: int) -> None:
        """The source of each item of an answer, and events of the history that was read."""
        self._sources.update(sources)
        self._known["true"] += known
        self._known["false"] += unknown

    def event(self, verdict: str, count: int = 1) -> None:
        """Events with a verdict."""
        self._verdicts[verdict] += count

    def shadow(self, same: str) -> None:
        """A list of the shadow beside the live one: the same ("true"), another ("false"), or
        "failed".
        """
        self._shadow[same] += 1

    def failure(self) -> None:
        """A list that the model failed to make."""
        with self._counting:
            self._failures += 1

    def text(self, release: str, made: float) -> bytes:
        """All counts as text."""
        self._now = _Now(release, max(0.0, time.time() - made))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return bytes(generate_latest(registry))

    def collect(self) -> Iterator[Metric]:
        """The families of counts."""
        requests = {key: sum(times.counts) for key, times in self._requests.items()}
        about = "Requests by route and status."
        found = CounterMetricFamily(
            "spadework_requests", about, labels=("worker", "route", "status")
        )
        for (route, status), count in requests.items():
            found.add_metric((self._worker, route, str(status)), count)
        yield found
        yield self._times()
        yield self._counter(
            "items", "Recommended items by where they come from.", "source", self._sources
        )
        yield self._counter("events", "Events by verdict.", "verdict", self._verdicts)
        yield self._counter(
            "history_events",
            "Events of histories by whether the model knows their item.",
            "known",
            self._known,
        )
        yield self._counter(
            "shadow_lists", "Lists of the shadow beside the live ones.", "same", self._shadow
        )
        found = CounterMetricFamily(
            "spadework_model_failures", "Lists that a model failed to make.", labels=("worker",)
        )
        found.add_metric((self._worker,), self._failures)
        yield found
        yield from self._gauges()

    def _counter(self, name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
        found = CounterMetricFamily(f"spadework_{name}", about, labels=("worker", label))
        for value, count in counts.items():
            found.add_metric((self._worker, value), count)
        return found

    def _times(self) -> Metric:
        found = HistogramMetricFamily(
            "spadework_request_seconds",
            "Time of a request by route and status.",
            labels=("worker", "route", "status"),
        )
        ends = [*map(str, _BUCKETS), "+Inf"]
        for (route, status), times in self._requests.items():
            total, buckets = 0, []
            for end, count in zip(ends, times.counts, strict=True):
                total += count
                buckets.append((end, float(total)))
            found.add_metric((self._worker, route, str(status)), buckets, times.sum)
        return found

    def _gauges(self) -> Iterator[Metric]:
        release = GaugeMetricFamily(
            "spadework_release_info", "The live release.", labels=("worker", "release")
        )
        release.add_metric((self._worker, self._now.release), 1)
        yield release
        for name, about, value in (
            ("release_age_seconds", "Since the live release was made.", self._now.age),
            (
                "requests_waiting",
                "Requests that were received and not answered.",
                self.waiting,
            ),
        ):
            gauge = GaugeMetricFamily(f"spadework_{name}", about, labels=("worker",))
            gauge.add_metric((self._worker,), value)
            yield gauge
