"""A bounded load on one address, run on the host itself: `load.py KIND CONNECTIONS SECONDS URL`.

Prints JSON: answers a second, and the time within which 99 of 100 came. KIND: `keep` and `new` are wrk's (connections
that are kept, and a new one for each request), `h2` is h2load's, `websocket` our own. Standard library, and the
application's own websockets.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def main(kind: str, connections: int, seconds: int, url: str) -> None:
    """Put the load on, and print what came of it."""
    measure = {"h2": h2load, "websocket": websocket}.get(kind, wrk)
    per_second, p99 = measure(kind, connections, seconds, url)
    print(json.dumps({"per_second": round(per_second, 1), "p99_milliseconds": round(p99, 2)}))


def wrk(kind: str, connections: int, seconds: int, url: str) -> tuple[float, float]:
    """Return what wrk says of HTTP/1.1."""
    close = ["-H", "Connection: close"] if kind == "new" else []
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *close, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    time_taken = re.search(r"^ +99% +([\d.]+)(us|ms|s)$", said, re.M)
    rate = re.search(r"^Requests/sec: +([\d.]+)$", said, re.M)
    if "Non-2xx" in said or not time_taken or not rate:
        sys.exit(said)
    return float(rate[1]), float(time_taken[1]) * UNITS[time_taken[2]]


def h2load(kind: str, connections: int, seconds: int, url: str) -> tuple[float, float]:
    """Return what h2load says of HTTP/2: four streams at once on each of a quarter of the connections."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["h2load", f"-c{connections // 4}", "-m4", f"-D{seconds}", f"--log-file={log.name}", url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = [line.split() for line in log]
    if any(row[1] != "200" for row in rows) or "Application protocol: h2" not in said:
        sys.exit(said)
    return len(rows) / seconds, ninety_ninth([int(row[2]) / 1000 for row in rows])


def websocket(kind: str, connections: int, seconds: int, url: str) -> tuple[float, float]:
    """Return what came of messages that are sent back, one at a time on each connection."""
    times = asyncio.run(echoes(connections, seconds, url))
    return len(times) / seconds, ninety_ninth(times)


async def echoes(connections: int, seconds: int, url: str) -> list[float]:
    """Return how long each message was away, in milliseconds."""
    from websockets.asyncio.client import connect

    times: list[float] = []
    # Who answers is not the question here, and wrk and h2load do not ask it either.
    context = ssl._create_unverified_context() if url.startswith("wss:") else None  # noqa: S323

    async def one() -> None:
        async with connect(url, ssl=context, compression=None) as socket:
            end = time.monotonic() + seconds
            while (began := time.monotonic()) < end:
                await socket.send("hello")
                await socket.recv()
                times.append((time.monotonic() - began) * 1000)

    await asyncio.gather(*(one() for _ in range(connections)))
    return times


def ninety_ninth(values: list[float]) -> float:
    """Return the value that 99 of 100 do not exceed."""
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
