"""What a process runs of files that an upgrade has replaced since: its program and its libraries."""

from __future__ import annotations

from pathlib import Path

# A replaced file stays as long as a process has it, and has this behind its name (proc_pid_maps(5)).
GONE = " (deleted)"
# Where packages put programs and libraries. Memory that processes share has a name too, elsewhere.
PLACES = ("/usr/", "/lib/", "/lib64/", "/opt/")


def replaced(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """Return what the process `pid` runs and the disk no longer has, as sorted paths; nothing for one that ended."""
    try:
        lines = (proc / str(pid) / "maps").read_text(errors="replace").splitlines()
    except OSError:
        return []
    # Address, permissions, offset, device, inode, path. What is only read, as fonts and translations, is no program.
    rows = [line.split(maxsplit=5) for line in lines]
    paths = {row[5] for row in rows if len(row) == 6 and "x" in row[1] and row[5].endswith(GONE)}
    return sorted(path.removesuffix(GONE) for path in paths if path.startswith(PLACES))
