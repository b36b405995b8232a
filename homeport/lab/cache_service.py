"""Starting the cache's process with the machine's own settings. The rest of the package runs inside that process."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path

import homeport
from homeport.errors import LabError
from homeport.lab import indexes, processes
from homeport.lab.context import LabContext
from homeport.lab.machine import cache_directory
from homeport.lab.network import CACHE_PORT

PURPOSE = "cache"
START_SECONDS = 60.0


def start(context: LabContext) -> None:
    """Start the cache unless it runs; it needs a moment until it accepts connections (`wait_for_port`)."""
    if processes.find(context.id, PURPOSE):
        return
    file = context.directory.path / "cache.json"
    settings = {
        "address": context.network.gateway,
        "port": CACHE_PORT,
        "store": str(cache_directory() / "downloads"),
        "indexes": indexes.read_indexes(),
        "apt_proxy": indexes.apt_proxy(indexes.read_apt_settings()),
    }
    file.touch(mode=0o600)
    file.write_text(json.dumps(settings, indent=2))
    source = str(Path(homeport.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    argv = [sys.executable, "-m", "homeport.lab.cache", str(file)]
    processes.start(context.id, PURPOSE, argv, log=context.log(PURPOSE), env={**os.environ, "PYTHONPATH": path})


def wait_for_port(context: LabContext, purpose: str, port: int) -> None:
    """Return when the lab's service accepts connections; raise LabError when its process ends before."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection((context.network.gateway, port), timeout=1).close()
            return
        except OSError:
            if not processes.find(context.id, purpose):
                break
            time.sleep(0.02)
    log = context.log(purpose)
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    raise LabError(
        f"the lab's {purpose} service does not start: {lines[-1] if lines else 'no output'}", fix=f"see {log}"
    )
