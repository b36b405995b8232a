"""A TCP relay that holds everything back for a while, in both directions: a distant host, without touching the kernel.

It delays payloads, not acknowledgements, so what Nagle's algorithm costs on a real line of this length is not in it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress

CHUNK_BYTES = 65536


@contextmanager
def relay(address: str, port: int, round_trip_seconds: float) -> Iterator[int]:
    """Yield a loopback port that leads to `address`:`port`, `round_trip_seconds` away; ends with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    opened: Future[asyncio.Server] = asyncio.run_coroutine_threadsafe(
        _serve(address, port, round_trip_seconds / 2), loop
    )
    server = opened.result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(server: asyncio.Server) -> None:
    """Close the listening socket and end what still passes something on."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, others = await asyncio.wait(others, timeout=1)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _serve(address: str, port: int, delay_seconds: float) -> asyncio.Server:
    # A connection's streams are only weakly held by the loop: without this, one whose near end is gone is collected.
    connections: set[asyncio.Task[None] | None] = set()

    async def connected(near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        connections.add(task := asyncio.current_task())
        with closing(near_writer), suppress(asyncio.CancelledError, OSError):
            # Opening a connection takes a round trip, too.
            await asyncio.sleep(2 * delay_seconds)
            far_reader, far_writer = await asyncio.open_connection(address, port)
            with closing(far_writer):
                directions = ((near_reader, far_writer), (far_reader, near_writer))
                await asyncio.gather(*(_pass_on(reader, writer, delay_seconds) for reader, writer in directions))
        connections.discard(task)

    return await asyncio.start_server(connected, "127.0.0.1", 0)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_seconds: float) -> None:
    """Write what is read, each piece `delay_seconds` after it came, in its order."""
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    writing = asyncio.create_task(_write_when_due(pieces, writer))
    data = b"-"
    while data:
        try:
            data = await reader.read(CHUNK_BYTES)
        except OSError:
            data = b""
        pieces.put_nowait((asyncio.get_running_loop().time() + delay_seconds, data))
    await writing


async def _write_when_due(pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    data = b"-"
    while data:
        due, data = await pieces.get()
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
        try:
            writer.write(data)
            await writer.drain()
        except OSError:
            return
    with suppress(OSError):
        writer.write_eof()
