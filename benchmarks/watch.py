"""Runs one command and writes its wall time, CPU time, peak memory and exit status as JSON. Arguments: file, command.

A program of its own, because Linux counts the memory of the process that starts a command as the command's own, up to
its `exec`: this one is small. Standard library only; it is started with `python -I -S`.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the command with our standard streams and write the report."""
    report, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    found = {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_megabytes": usage.ru_maxrss / 1024,
    }
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
