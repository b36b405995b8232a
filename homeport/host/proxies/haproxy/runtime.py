"""What is asked of the HAProxy that runs, by its socket: which process serves, and to take another certificate."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from ...services import units
from ...system.layout import CERTIFICATE_FILE, MachineLayout

UNIT = "haproxy.service"
SOCKET = Path("/run/haproxy/admin.sock")
SECONDS = 5.0


def say_to(command: str, place: Path = SOCKET) -> str:
    """Return the answer to a command; "" where nobody answers."""
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(place))
            connection.sendall(f"{command}\n".encode())
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return ""
    return answer.decode(errors="replace")


def serving() -> int | None:
    """Return the process that takes new connections; None when there is none, or when it is about to end."""
    said = say_to("show info")
    pid, ends = re.search(r"^Pid: (\d+)$", said, re.MULTILINE), re.search(r"^Stopping: 1$", said, re.MULTILINE)
    return int(pid[1]) if pid and not ends else None


def workers() -> set[int]:
    """Return the processes that the master has started, those that only end what they have among them."""
    master = units.show(UNIT).get("MainPID") or "0"
    try:
        return set(map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split()))
    except OSError:
        return set()


def folder(machine: MachineLayout) -> Path:
    """Return where it is written down which certificate is for which names (templates/haproxy/prepare)."""
    return machine.runtime / "haproxy"


def give_certificate(machine: MachineLayout, app: str) -> bool:
    """Have an application's certificate that is on the disk served from the next handshake on; tell whether it is."""
    tls, name = machine.sites / app / "tls", folder(machine) / f"{app}.pem"
    try:
        text = (tls / CERTIFICATE_FILE).read_text() + (tls / "privkey.pem").read_text()
    except OSError:
        return False
    # An empty line ends what is given.
    pem = "\n".join(line for line in text.splitlines() if line.strip())
    if "Transaction" not in say_to(f"set ssl cert {name} <<\n{pem}\n"):
        return False
    if "Success" in say_to(f"commit ssl cert {name}"):
        return True
    say_to(f"abort ssl cert {name}")
    return False
