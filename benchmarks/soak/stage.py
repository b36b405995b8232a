"""The machine of a soak, the project that deploys to it, and what one does with both.

Its disk is a file system of its own in a file, where this computer can mount one, so that it can be filled. With QEMU
it has a kernel, a clock and a disk of its own: there a write that is acknowledged is on the disk, and clients ask less
often, since the processor is emulated.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from homeport.lab import Lab, LabDirectory, names, ssh
from homeport.lab.model import BackendName, LabHost, Suite
from tests.lab import remote
from tests.lab.clients import ERRORS, NewConnection, Target
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen
from tests.lab.remote import ReadLab
from tests.lab.seasoned import Seasoned
from tests.pace import patience

NAME, APP, WORKERS = "soak", "notes", 2
DISK_MEGABYTES = 4096
SETTINGS = {
    "workers": WORKERS,
    "watch_seconds": 2,
    # It outlasts the requests of three seconds; an open WebSocket makes it last as long as it may.
    "drain_timeout_seconds": 4,
    "health_timeout_seconds": 30,
    "keep_releases": 3,
    "memory_max_megabytes": 700,
    "minimum_free_megabytes": 50,
}
# uvicorn ends a worker that does not answer within 5 s of its start, which takes longer there.
PATIENT_WORKERS = {"server": "uvicorn", "worker_timeout_seconds": 60}
EMULATED_SETTINGS = {"health_timeout_seconds": 240, "hold_seconds": 60, **PATIENT_WORKERS}
# An emulated machine takes so many times as long for everything.
EMULATED = 6.0
DATABASE = "notes/database.py"
DURABILITY = ("PRAGMA synchronous = NORMAL", "PRAGMA synchronous = FULL")
# What the sample has besides, for the soak: a way to run out of memory. Nginx would send a GET whose connection ended
# without an answer to the other worker, too, and end both.
LEAK = """

LEAKED = []


@app.post("/leak")
def leak() -> None:
    while True:
        LEAKED.append(b"x" * 2**20)
"""
SLOT = f"$(test -e /etc/homeport/{APP}/live-green && echo green || echo blue)"
# Everything is as it is on a machine that has nothing to do but serve; prints what is not.
WHOLE = f"""
slot={SLOT}
unit={APP}@$slot.service
main=$(systemctl show -p MainPID --value $unit)
[ "$(systemctl is-active $unit)" = active ] || echo "$unit is $(systemctl is-active $unit)"
workers=$(pgrep -c -P "$main" -f spawn_main)
[ "$workers" = {WORKERS} ] || echo "$unit has $workers workers"
[ "$(systemctl is-active nginx)" = active ] || echo "nginx is $(systemctl is-active nginx)"
workers=$(pgrep -c -P "$(systemctl show -p MainPID --value nginx)" -xf 'nginx: worker process')
[ "$workers" -ge "$(nproc)" ] || echo "nginx has $workers workers"
systemctl list-units --plain --no-legend '{APP}@*' '{APP}-migrate@*' |
    awk -v live="$slot" 'index($1, "@" live) == 0 {{ print $1 " is " $3 }}'
systemctl list-units --plain --no-legend 'homeport-{APP}-*' 'homeport-use-upgrades@*' |
    awk '$3 != "inactive" && $3 != "failed" && $1 !~ /timer$/ {{ print "at work: " $1 }}'
ls -d /run/homeport/closing 2>/dev/null
true
"""


@dataclass
class Stage:
    """A machine that serves, and its project."""

    project: Project
    host: LabHost
    seen: Seen
    has_own_disk: bool
    slowness: float = 1.0  # clients ask so many times less often
    changes: int = 0
    upgrades: int = 0

    @property
    def target(self) -> Target:
        """Return how clients reach it."""
        return Target(self.host.domain, self.host.address, self.project.lab.directory.ca_file)

    def change(self) -> None:
        """Commit something, so that the next deploy is a release."""
        self.changes += 1
        self.project.write("soak.txt", f"{self.changes}\n")

    def deploy(self) -> subprocess.CompletedProcess[str]:
        """Deploy what is committed."""
        return self.homeport("deploy", "--yes")

    def started(self) -> subprocess.Popen[str]:
        """Begin the same, for whoever disturbs it."""
        return self.project.started(self.host.name, "-y")

    def homeport(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a `homeport` command on the machine."""
        return homeport(self.project, command, "lab", *words, "--limit", self.host.name)

    def begin(self, script: str) -> subprocess.Popen[bytes]:
        """Begin a script on the machine as root, and do not wait for it."""
        words = ssh.command_line(self.project.lab.directory, self.host, "-o", "BatchMode=yes")
        command = [*words, "--", f"sudo sh -c {shlex.quote(script)}"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    @property
    def has_own_kernel(self) -> bool:
        """Tell whether clock and disk are the machine's own; it is in no namespace of this computer's then."""
        return self.host.backend == "qemu"

    @property
    def namespace(self) -> str:
        """Return the name of the machine's network namespace, which is there whatever becomes of the machine."""
        return names.namespace(self.project.lab.id, self.host.name)

    def live(self, seconds: float) -> str | None:
        """Return the release that answers a new connection as soon as one is answered; None: not within so long."""
        client, deadline = NewConnection(self.target, "GET", "/health"), time.monotonic() + patience(seconds)
        while time.monotonic() < deadline:
            try:
                return client.request().release
            except ERRORS:
                client.close()
                time.sleep(0.05)
        return None

    def last_failed(self) -> str:
        """Return the release that failed last, as the log of releases has it."""
        log = map(json.loads, self.seen.shell(f"cat /srv/{APP}/releases.jsonl").splitlines())
        return [str(entry["release"]) for entry in log if entry["event"] == "failed"][-1]

    def settled(self, seconds: float = 90) -> str:
        """Wait until all of the machine is as it is with nothing to do but serve; return what is not, in the end."""
        deadline = time.monotonic() + patience(seconds)
        while (missing := self.seen.shell(WHOLE)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return missing.replace("\n", ", ")

    def journal(self) -> str:
        """Return what the machine has said, to explain a violation; nothing where it is gone."""
        command = "journalctl -o short-precise --no-pager -n 200000; tail -n 2000 /var/log/nginx/error.log"
        return remote.run(self.project.lab, self.host, f"sudo sh -c '{command}'").stdout

    def notes(self, mark: str) -> dict[str, int]:
        """Return how often each note is in the database whose text begins with this."""
        read = f"select text, count(*) from notes where text like '{mark} %' group by text"  # noqa: S608
        opened = f"sqlite3.connect('file:/var/lib/{APP}/notes.sqlite3?mode=ro', uri=True)"
        script = f"import json, sqlite3; print(json.dumps({opened}.execute({read!r}).fetchall()))"
        found: list[tuple[str, int]] = json.loads(self.seen.shell(f"python3 -c {shlex.quote(script)}"))
        return dict(found)


@contextmanager
def stage(suite: Suite = "bookworm", backend: BackendName = "nspawn") -> Iterator[Stage]:
    """Yield a machine that serves its second release; all of it is gone afterwards."""
    with TemporaryDirectory(prefix="homeport-soak-") as name:
        lab = ReadLab(LabDirectory(Path(name) / "lab"))
        try:
            lab.up(hosts=0)
            with staged(lab, Seasoned(lab, Path(name)), Path(name), suite, backend) as made:
                yield made
        finally:
            lab.down()


@contextmanager
def staged(
    lab: Lab, seasoned: Seasoned, folder: Path, suite: Suite = "bookworm", backend: BackendName = "nspawn"
) -> Iterator[Stage]:
    """Yield the same in a lab that is there."""
    emulated = backend == "qemu"
    with nullcontext(True) if emulated else own_disk(lab, folder) as has_own_disk:
        host = seasoned.boot(NAME, APP) if emulated else seasoned.add(NAME, suite)
        try:
            project = Project.create(folder / "project", lab, APP, migrate_on=NAME)
            project.write("main.py", (project.app / "main.py").read_text() + LEAK)
            if emulated:
                project.write(DATABASE, (project.app / DATABASE).read_text().replace(*DURABILITY))
            settle_data(project, **{**SETTINGS, **(EMULATED_SETTINGS if emulated else {})})
            made = Stage(project, host, Seen(lab, host), has_own_disk, EMULATED if emulated else 1.0)
            for _ in range(2):
                made.change()
                done = made.deploy()
                if done.returncode:
                    raise RuntimeError(done.stdout)
            yield made
        finally:
            lab.remove(NAME)


@contextmanager
def own_disk(lab: Lab, folder: Path) -> Iterator[bool]:
    """Have the machine's disk be a file system of its own; yield whether there is one."""
    place, file = lab.context().host_directory(NAME), folder / "disk"
    place.mkdir(parents=True)
    with file.open("wb") as opened:
        opened.truncate(DISK_MEGABYTES * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(file)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(file), str(place)], capture_output=True, check=False)
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(place)], check=False)
            place.rmdir()
        file.unlink()
