"""homeport's table in the kernel: checked first, loaded, saved and restored. No other table is touched."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..services.staged_files import Stage
from ..services.units import run
from ..system.output import HostError

RULES = Path("/etc/homeport/firewall.nft")
OPENINGS = Path("/etc/homeport/firewall.d")
LOAD = Path("/usr/local/lib/homeport/firewall-load")
LOADED = Path("/run/homeport/firewall.loaded")
TABLE = ("inet", "homeport")
EMPTY = f"table {' '.join(TABLE)}\ndelete table {' '.join(TABLE)}\n"
# Lets everything through, and has the kernel learn which connections there are.
FOLLOWING = (
    f"table {' '.join(TABLE)} {{ chain input {{\n"
    "type filter hook input priority filter; policy accept;\nct state established accept\n}\n}\n"
)
FOLLOWING_SECONDS = 2.0
NFT = "/usr/sbin/nft"
SECONDS = 30


def is_ours(path: Path) -> bool:
    """Tell whether the firewall reads this file."""
    return path == RULES or path.parent == OPENINGS


def check(stage: Path, changed: Mapping[Path, bytes | None]) -> None:
    """Raise HostError with what nft says when it does not take the rules, `changed` (None: taken away)."""
    staged, rules = Stage(stage / "firewall"), stage / "firewall.nft"
    staged.copy(OPENINGS)
    if RULES.exists():
        shutil.copy(RULES, rules)
    for path, content in changed.items():
        if path.parent == OPENINGS:
            staged.put(path, content)
        elif path == RULES and content is not None:
            rules.write_bytes(content)
        elif path == RULES:
            rules.unlink(missing_ok=True)
    if not rules.exists():
        return
    done = staged.run(NFT, "-c", "-f", str(rules))
    if done.returncode:
        message = next(iter(done.stderr.strip().splitlines()), f"status {done.returncode}")
        raise HostError(f"nftables does not accept the firewall ({message}); nothing was changed")


def saved() -> dict[str, str] | None:
    """Return our table as it is in the kernel; None when there is none."""
    table = run(NFT, "-s", "list", "table", *TABLE) if Path(NFT).exists() else None
    if table is None or table.returncode:
        return None
    return {"table": table.stdout, "loaded": LOADED.read_text() if LOADED.exists() else ""}


def put_back(table: Mapping[str, Any] | None) -> None:
    """Have the kernel have our table as it was `saved`."""
    if not Path(NFT).exists():
        return
    _nft(EMPTY + (table["table"] if table else ""))
    if table:
        LOADED.write_text(table["loaded"])


def load() -> None:
    """Have the kernel have our table as the files say; none where there is no file."""
    if RULES.exists():
        if saved() is None and _calls_out():
            # The kernel has followed no connection until now, and would take an answer for something new.
            _nft(EMPTY + FOLLOWING)
            time.sleep(FOLLOWING_SECONDS)
        done = run(str(LOAD))
        if done.returncode:
            raise HostError(f"the firewall cannot be loaded: {done.stderr.strip()}")
    elif Path(NFT).exists():
        _nft(EMPTY)
        LOADED.unlink(missing_ok=True)


def _calls_out() -> bool:
    """Tell whether this machine has opened connections to others, a database's, say."""
    listening = {row.split()[3].rpartition(":")[2] for row in run("ss", "-Hltn").stdout.splitlines()}
    for row in run("ss", "-Htn", "state", "established").stdout.splitlines():
        here, there = row.split()[2:4]
        if here.rpartition(":")[2] not in listening and not there.startswith(("127.", "[::1]", "[::ffff:127.")):
            return True
    return False


def _nft(text: str) -> None:
    done = subprocess.run([NFT, "-f", "-"], input=text, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise HostError(f"nftables says: {done.stderr.strip()}")
