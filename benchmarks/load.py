"""A bounded load on one address, run on the host itself: `load.py KIND CONNECTIONS SECONDS URL [USER:PASSWORD]`.

Prints JSON: answers a second, and the time within which 99 of 100 came. KIND: `keep` and `new` are wrk's (connections
that are kept, and a new one for each request; they alone take a password), `h2` is h2load's, `websocket` our own.
`first` and `first-gzip` wait for the first piece of a streamed answer, `upload` sends 200 MB. Standard library, and the
application's own websockets.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def main(kind: str, connections: int, seconds: int, url: str, user: str = "") -> None:
    """Put the load on, and print what came of it."""
    if kind in ("keep", "new"):
        per_second, p99 = wrk(kind, connections, seconds, url, user)
    else:
        others = {"h2": h2load, "websocket": websocket, "upload": upload}
        per_second, p99 = others.get(kind, first_piece)(kind, connections, seconds, url)
    print(json.dumps({"per_second": round(per_second, 1), "p99_milliseconds": round(p99, 2)}))


def wrk(kind: str, connections: int, seconds: int, url: str, user: str) -> tuple[float, float]:
    """Return what wrk says of HTTP/1.1."""
    given = ["-H", "Connection: close"] if kind == "new" else []
    if user:
        given += ["-H", f"Authorization: Basic {base64.b64encode(user.encode()).decode()}"]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *given, url]
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


def first_piece(kind: str, connections: int, seconds: int, url: str) -> tuple[float, float]:
    """Return what came of one client after the other that waits for the first bytes of an answer's body."""
    place = urlsplit(url)
    headers = {"Accept-Encoding": "gzip"} if kind == "first-gzip" else {}
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        context = ssl._create_unverified_context()  # noqa: S323
        secured = http.client.HTTPSConnection(place.netloc, context=context)
        connection = secured if place.scheme == "https" else http.client.HTTPConnection(place.netloc)
        connection.connect()
        began = time.monotonic()
        connection.request("GET", place.path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read1():
            sys.exit(f"answered {answer.status}")
        times.append((time.monotonic() - began) * 1000)
        connection.close()
    return len(times) / seconds, ninety_ninth(times)


def upload(kind: str, connections: int, seconds: int, url: str) -> tuple[float, float]:
    """Return what came of 200 MB that are sent."""
    with tempfile.NamedTemporaryFile("wb") as large:
        large.write(bytes(200_000_000))
        large.flush()
        said = "%{http_code} %{time_total}"
        command = [
            "curl",
            "-sk",
            "-o",
            "/dev/null",
            "-w",
            said,
            "-H",
            "Expect:",
            "--data-binary",
            f"@{large.name}",
            url,
        ]
        status, taken = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if status != "200":
        sys.exit(f"answered {status}")
    return 1 / float(taken), float(taken) * 1000


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
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
