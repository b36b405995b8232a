"""`homeport-hold.service` as systemd starts it: the program in a process of its own, with the socket lent to it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import socket, sys
from pathlib import Path
from homeport.host.proxies.model.holding import Room
descriptor, root, most, idle_seconds = sys.argv[1:]
Room(socket.socket(fileno=int(descriptor)), Path(root), int(most)).serve(float(idle_seconds))
"""


@contextmanager
def room(root: Path, place: Path, most: int = 100, idle_seconds: float = 600) -> Iterator[subprocess.Popen[bytes]]:
    """Serve on the socket `place` for a host below `root`; it ends with the block, or when nobody waits for so long."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen(4096)
        words = [str(listener.fileno()), str(root), str(most), str(idle_seconds)]
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], pass_fds=[listener.fileno()])
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
