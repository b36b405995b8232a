"""Runs pyinfra and writes down every command that it sends over SSH, a JSON string a line. Arguments: file, pyinfra's.

Used where nothing is timed, to learn which command a run without changes consists of.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyinfra_cli.main  # first: it prepares the standard library for what paramiko does
from paramiko import Channel


def main() -> None:
    """Run pyinfra under observation."""
    record = Path(sys.argv.pop(1))
    send = Channel.exec_command

    def exec_command(channel: Channel, command: Any) -> None:
        text = command.decode() if isinstance(command, bytes) else str(command)
        with record.open("a") as file:
            file.write(json.dumps(text) + "\n")
        send(channel, command)

    Channel.exec_command = exec_command  # type: ignore[method-assign,assignment]
    pyinfra_cli.main.main()


if __name__ == "__main__":
    main()
