"""The reader's surroundings: a project and its application as the pages have them, a terminal, and machines behind it.

The pages speak of `web1.example.com` and `notes.example.com`, which lead to machines of the lab here: for the reader's
programs by an /etc/hosts in a mount namespace, for the machines and the authority by the lab's name server. What the
reader's computer trusts has the lab's authority too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from homeport.lab import Lab, dns, processes
from homeport.lab.machine import find_command
from homeport.lab.model import LabHost
from tests.docs.shell import Shell
from tests.lab.project import IDENTITY, REPOSITORY, Project, Seen
from tests.lab.seasoned import Seasoned

TARGET, APP, HOST, DOMAIN = "production", "notes", "web1.example.com", "notes.example.com"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# As the reader's ssh has it: his key, unless he names another one, and the machines under their names.
SSH = """#!/bin/sh
[ "${{1:-}}" != -i ] || exec {ssh} -F {config} "$@"
exec {ssh} -F {config} -i {key} "$@"
"""

# A route of the application's that takes memory and keeps it.
LEAK = """

LEAKED = []


@app.get("/leak")
def leak() -> int:
    LEAKED.append(b"x" * 150 * 2**20)
    return len(LEAKED)
"""


@dataclass
class World:
    """A reader with a project, and the machine that he is responsible for."""

    lab: Lab
    seasoned: Seasoned
    folder: Path
    host: LabHost
    domain: str = DOMAIN
    machines: dict[str, LabHost] = field(default_factory=dict)
    start: str = "deploy"

    @classmethod
    def create(cls, lab: Lab, seasoned: Seasoned, folder: Path, name: str) -> World:
        """Make it, with a machine on which nothing has been deployed yet."""
        host = seasoned.add(name)
        world = cls(lab, seasoned, folder, host, machines={HOST: host})
        for path in (world.home / ".ssh", world.bin):
            path.mkdir(parents=True)
        world.key.parent.chmod(0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", world.key], check=True)
        world.let_in(host)
        world.make_project()
        world.describe()
        return world

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def key(self) -> Path:
        return self.home / ".ssh" / "id_ed25519"

    @property
    def project(self) -> Path:
        """The project's folder, where the reader types."""
        return self.folder / "deploy"

    @property
    def app(self) -> Project:
        """The application's repository, as other tests change it."""
        return Project(self.folder, self.lab)

    @property
    def seen(self) -> Seen:
        """The machine that serves, as somebody sees it who does not know homeport."""
        return Seen(self.lab, self.host)

    @property
    def shell(self) -> Shell:
        """The reader's terminal, in the project's folder unless `start` names another one."""
        return Shell(self.folder / self.start, self.environment, self.folder / "terminal", self.elsewhere)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """What runs a command where the world's names are known."""
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", script, str(self.folder / "hosts"))

    @property
    def environment(self) -> dict[str, str]:
        """What the reader's programs are told: nothing of the lab's but what its names and its authority are."""
        path = f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPORT_")}
        author = dict(zip(("NAME", "EMAIL"), (word.split("=")[1] for word in IDENTITY[1::2]), strict=True))
        git = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in author.items()}
        return {
            **{**kept, **git, "PATH": path, "HOME": str(self.home), "CURL_HOME": str(self.home)},
            **{"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
            **{name: str(self.folder / "authorities.pem") for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE")},
        }

    def let_in(self, host: LabHost) -> None:
        """Have a machine take the reader's key, as his provider does with a new one."""
        public = self.key.with_suffix(".pub").read_text()
        done = self.lab.run(host, "cat >>~/.ssh/authorized_keys", stdin=public)
        assert done.returncode == 0, done.stderr

    def make_project(self) -> None:
        """Make the project as `git clone` gives it, and the application beside it."""
        for name in ("deploy.py", "config.py", "inventories", "group_data"):
            source, target = REPOSITORY / name, self.project / name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "examples" / APP, self.folder / "notes", ignore=ignored)
        # What other tests know it as.
        self.app.app.symlink_to("notes")
        with (self.app.app / "main.py").open("a") as main:
            main.write(LEAK)
        self.app.git("init", "-q", "-b", "main")
        self.app.commit("first")
        self.settings(
            app_name=APP,
            app_source="../notes",
            app_subdirectory="",
            domain=self.domain,
            acme_directory_url=self.lab.directory.load().acme_directory,
            workers=1,
            watch_seconds=1,
        )

    def settings(self, **values: object) -> None:
        """Give the inventory these settings besides those that it has."""
        file = self.project / "group_data" / f"{TARGET}.py"
        before = [line for line in file.read_text().splitlines() if line.split(" = ")[0] not in values]
        file.write_text("\n".join([*before, *(f"{name} = {value!r}" for name, value in values.items()), ""]))

    def describe(self) -> None:
        """Have ssh and curl know where the machines are."""
        known = self.project / "inventories" / "known_hosts"
        config = self.home / ".ssh" / "config"
        config.write_text(
            "".join(f"Host {name}\n  HostName {one.address}\n" for name, one in self.machines.items())
            + f"Host *\n  User debian\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n"
            "  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n  KexAlgorithms ^curve25519-sha256\n"
        )
        wrapper = self.bin / "ssh"
        wrapper.write_text(SSH.format(config=config, ssh=shutil.which("ssh"), key=self.key))
        wrapper.chmod(0o755)
        names = {self.domain: self.host, **self.machines}
        lines = [f"{one.address} {name}\n" for name, one in names.items()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        authorities = (AUTHORITIES.read_text(), self.lab.directory.ca_file.read_text())
        (self.folder / "authorities.pem").write_text("\n".join(authorities))
        (self.home / ".curlrc").write_text("max-time = 20\n")
        self._tell_the_name_server()

    def lead(self, host: LabHost) -> None:
        """Have the site's name lead to another machine from now on, for everybody."""
        self.host = host
        self.describe()

    def _tell_the_name_server(self) -> None:
        context = self.lab.context()
        file = context.directory.path / "dnsmasq.conf"
        others = [line for line in file.read_text().splitlines() if f"/{self.domain}/" not in line]
        file.write_text("\n".join([*others, f"address=/{self.domain}/{self.host.address}", ""]))
        processes.end(context.id, dns.PURPOSE, grace_seconds=0)
        command = [find_command("dnsmasq") or "dnsmasq", "--keep-in-foreground", f"--conf-file={file}"]
        processes.start(context.id, dns.PURPOSE, command, log=context.log(dns.PURPOSE))

    def run(self, *words: str, status: int = 0) -> str:
        """Run one of the reader's commands behind his back."""
        done = subprocess.run(
            [*self.elsewhere, *words],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def deploy(self) -> None:
        """Deploy behind the reader's back."""
        self.run("pyinfra", f"inventories/{TARGET}.py", "deploy.py", "-y")

    def answers(self) -> bool:
        """Tell whether the site answers over HTTPS, its certificate verified."""
        return self.seen.answers(name=self.domain)

    def live(self) -> str:
        """Return the release that answers."""
        return str(self.seen.get("/health", name=self.domain)["release"])
