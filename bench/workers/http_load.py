"""Closed or open load on a server at loopback, from a process of its own; prints what was measured.

    http_load.py PORT REQUESTS CONNECTIONS SECONDS BODIES

BODIES is a file of lines: path, a tab, a JSON body. Each connection sends the next line as soon as
it has the answer. At most REQUESTS are sent, for at most SECONDS.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import cycle
from pathlib import Path


class Load:
    """Connections that share one list of requests."""

    def __init__(self, port: int, most: int, until: float, requests: list[bytes]) -> None:
        self.port, self.left, self.until = port, most, until
        self.requests = cycle(requests)
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.artifacts: Counter[str] = Counter()

    async def connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while self.left > 0 and time.perf_counter() < self.until:
            self.left -= 1
            began = time.perf_counter()
            try:
                writer.write(next(self.requests))
                head = await reader.readuntil(b"\r\n\r\n")
                lowered = head.lower()
                at = lowered.index(b"content-length:") + 15
                length = int(lowered[at : lowered.index(b"\r\n", at)])
                body = await reader.readexactly(length)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.statuses["closed"] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                continue
            self.times.append(time.perf_counter() - began)
            status = head[9:12].decode()
            self.statuses[status] += 1
            if b'"artifact":"' in body[:120]:
                begin = body.index(b'"artifact":"') + 12
                self.artifacts[body[begin : body.index(b'"', begin)].decode()] += 1
            if status == "429":
                await asyncio.sleep(0.05)
        writer.close()


async def main(port: int, most: int, connections: int, seconds: float, bodies: Path) -> None:
    requests = []
    for line in bodies.read_text(encoding="utf-8").splitlines():
        path, body = line.split("\t", 1)
        content = body.encode()
        requests.append(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
    began = time.perf_counter()
    load = Load(port, most, began + seconds, requests)
    await asyncio.gather(*(load.connection() for _ in range(connections)))
    took = time.perf_counter() - began
    times = sorted(load.times)

    def quantile(share: float) -> float:
        return 1000 * times[min(len(times) - 1, int(share * len(times)))] if times else 0.0

    answer = {
        "requests": len(times),
        "per_second": len(times) / took,
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p99": quantile(0.99),
        "most": quantile(1.0),
        "statuses": dict(load.statuses),
        "artifacts": dict(load.artifacts),
    }
    print(json.dumps({"seconds": took, "answer": answer}))


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(int(given[0]), int(given[1]), int(given[2]), float(given[3]), Path(given[4])))
