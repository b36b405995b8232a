"""Looking for secrets where they must not be: on hosts, in journals, in the command lines of everybody's processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homeport.lab import ssh
from tests.lab.project import Seen

# What a payload of ours, packed and encoded, begins with: gzip without a time, in base64.
PAYLOAD = b"H4sIAAAAAAA"
# Reads, as whoever runs it, the command lines and environments of all processes again and again, until its input ends.
WATCH = """
import json, os, select, sys
needles = [bytes.fromhex(one) for one in json.loads(sys.stdin.readline())]
print("watching", flush=True)
found, looks, scripts = set(), 0, 0
while not select.select([sys.stdin], [], [], 0.1)[0]:
    looks += 1
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    data = file.read()
            except OSError:
                continue
            scripts += b"homeport-" in data
            if any(needle in data for needle in needles):
                found.add(f"{name} of {data[:80]!r}")
print(json.dumps({"found": sorted(found), "looks": looks, "scripts": scripts}))
"""
# Searches the files that have changed since `since`, and all that the journal has, with all of its fields.
SEARCH = """
import grp, json, os, pwd, stat, subprocess, sys
given = json.load(sys.stdin)
needles = [bytes.fromhex(one) for one in given["needles"]]
files, seen, devices = [], 0, {os.stat(top).st_dev for top in given["tops"]}
for top in given["tops"]:
    for folder, folders, names in os.walk(top):
        folders[:] = [one for one in folders if os.lstat(f"{folder}/{one}").st_dev in devices]
        for name in names:
            path = os.path.join(folder, name)
            try:
                state = os.lstat(path)
                if not stat.S_ISREG(state.st_mode) or state.st_ctime < given["since"]:
                    continue
                with open(path, "rb") as file:
                    data = file.read()
            except OSError:
                continue
            seen += 1
            if any(needle in data for needle in needles):
                owner, group = pwd.getpwuid(state.st_uid).pw_name, grp.getgrgid(state.st_gid).gr_name
                files.append([path, f"{owner}:{group} {stat.S_IMODE(state.st_mode):o}"])
journal = subprocess.run(["journalctl", "--no-pager", "-q", "-o", "export"], capture_output=True).stdout
said = sorted({line[:60].decode(errors="replace") for line in journal.splitlines() if any(n in line for n in needles)})
payloads = journal.count(given["payload"].encode())
print(json.dumps({"files": sorted(files), "seen": seen, "journal": said, "bytes": len(journal), "payloads": payloads}))
"""


def forms(secrets: Iterable[str]) -> list[bytes]:
    """Return what each secret looks like: as it is, and within what is in base64, wherever it begins there."""
    found = []
    for secret in secrets:
        found.append(secret.encode())
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + secret.encode())
            # The first and the last group have bits of their neighbours.
            found.append(encoded[4:-4])
    return found


def hexadecimal(needles: Iterable[bytes]) -> list[str]:
    """Return needles as they travel, such that whoever carries them is not found himself."""
    return [needle.hex() for needle in needles]


@dataclass
class Watch:
    """What a watch over processes has come to."""

    found: list[str] = field(default_factory=list)
    looks: int = 0
    scripts: int = 0


@contextmanager
def watching(command: list[str], needles: list[bytes]) -> Iterator[Watch]:
    """Watch all processes with `command`, which runs Python as somebody else, somewhere."""
    # The environment of this process is its own affair, and not to be handed on to somebody else.
    bare = {"PATH": os.environ["PATH"]}
    process = subprocess.Popen(command, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(hexadecimal(needles)) + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "watching\n"
    watch = Watch()
    try:
        yield watch
    finally:
        watch.__dict__.update(json.loads(process.communicate(timeout=60)[0]))


def on_host(seen: Seen, user: str, script: str) -> list[str]:
    """Return the command that runs a Python script on a host as `user`."""
    command = ssh.command_line(seen.lab.directory, seen.host, "-o", "BatchMode=yes")
    return [*command, "--", f"sudo runuser -u {user} -- python3 -c '{script.replace(chr(39), chr(34))}'"]


def search(seen: Seen, needles: list[bytes], since: float, tops: tuple[str, ...]) -> dict[str, Any]:
    """Search a host as root; return the files and the lines of the journal that have one of the needles."""
    given = {"needles": hexadecimal(needles), "since": since, "tops": tops, "payload": PAYLOAD.decode()}
    done = subprocess.run(
        on_host(seen, "root", SEARCH), input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def files_with(folder: Path, needles: list[bytes], *, disks: str = "") -> list[Path]:
    """Return the files under a folder of this machine that have one of the needles.

    `disks` is what folders are called that are a host's disk, which is searched from within.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != disks]
        paths = (Path(place) / name for name in names)
        found += [one for one in paths if one.is_file() and any(needle in one.read_bytes() for needle in needles)]
    return found
