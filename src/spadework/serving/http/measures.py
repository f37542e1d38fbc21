"""What a server counts: requests by route and status, their time, sources of items, events."""

from __future__ import annotations

import os
import time
from collections import Counter

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Measures:
    """The counts of one worker, as Prometheus reads them; the label says which worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counted(name: str, text: str, labels: tuple[str, ...]) -> Metric:
            return Metric(name, text, ("worker", *labels), registry=self.registry)

        self._worker = str(os.getpid())
        self._of_source: dict[str, Metric] = {}
        self._of_route: dict[tuple[str, int], tuple[Metric, Histogram]] = {}
        self._requests = counted(
            "spadework_requests", "Requests by route and status.", ("route", "status")
        )
        self._seconds = Histogram(
            "spadework_request_seconds",
            "Time of a request by route and status.",
            ("worker", "route", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._items = counted(
            "spadework_items", "Recommended items by where they come from.", ("source",)
        )
        self._events = counted("spadework_events", "Events by verdict.", ("verdict",))
        self._history = counted(
            "spadework_history_events",
            "Events of histories by whether the model knows their item.",
            ("known",),
        )
        self._known = self._history.labels(self._worker, "true")
        self._shadow = counted(
            "spadework_shadow_lists", "Lists of the shadow beside the live ones.", ("same",)
        )
        self._failures = counted(
            "spadework_model_failures", "Lists that a model failed to make.", ()
        )
        self._release = Gauge(
            "spadework_release_info",
            "The live release.",
            ("worker", "release"),
            registry=self.registry,
        )
        self._age = Gauge(
            "spadework_release_age_seconds",
            "Since the live release was made.",
            ("worker",),
            registry=self.registry,
        )
        self._queue = Gauge(
            "spadework_requests_waiting",
            "Requests that were received and not answered.",
            ("worker",),
            registry=self.registry,
        )

    def request(self, route: str, status: int, began: float) -> None:
        """A request that was answered; `began` is on the clock of `time.perf_counter`."""
        found = self._of_route.get((route, status))
        if found is None:
            labels = (self._worker, route, str(status))
            found = self._requests.labels(*labels), self._seconds.labels(*labels)
            self._of_route[route, status] = found
        found[0].inc()
        found[1].observe(time.perf_counter() - began)

    def answer(self, sources: Counter[str], known: int, unknown: int) -> None:
        """Items of an answer by source, and events of the history that was read."""
        for source, count in sources.items():
            found = self._of_source.get(source)
            if found is None:  # looking it up by labels takes as long as counting
                found = self._of_source[source] = self._items.labels(self._worker, source)
            found.inc(count)
        if known:
            self._known.inc(known)
        if unknown:
            self._history.labels(self._worker, "false").inc(unknown)

    def event(self, verdict: str, count: int = 1) -> None:
        """Events with a verdict."""
        self._events.labels(self._worker, verdict).inc(count)

    def shadow(self, same: str) -> None:
        """A list of the shadow beside the live one: the same ("true"), another ("false"), or
        "failed".
        """
        self._shadow.labels(self._worker, same).inc()

    def failure(self) -> None:
        """A list that the model failed to make."""
        self._failures.labels(self._worker).inc()

    def text(self, release: str, made: float, waiting: int) -> bytes:
        """All counts as text."""
        self._release.clear()
        self._release.labels(self._worker, release).set(1)
        self._age.labels(self._worker).set(max(0.0, time.time() - made))
        self._queue.labels(self._worker).set(waiting)
        return bytes(generate_latest(self.registry))
