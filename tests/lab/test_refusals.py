"""What homeport refuses on a real machine, in one line each, and that nothing on the machine has changed then."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.project import Project, Seen, until

pytestmark = pytest.mark.lab


@dataclass
class Bare:
    """A bare machine, and a project that would deploy to it."""

    project: Project
    host: LabHost
    seen: Seen

    def refused(self, *expected: str, status: int = 1, **data: object) -> str:
        """Deploy, have it refused without a traceback and with `expected` in what it says, and nothing changed."""
        result = self.project.deploy(self.host, **data)
        assert result.returncode == status, result.stdout
        assert "Traceback" not in result.stdout
        for text in expected:
            assert text in result.stdout, result.stdout
        return result.stdout


@pytest.fixture(scope="module")
def bare(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    host = lab.add("bare")
    yield Bare(Project.create(tmp_path_factory.mktemp("bare") / "project", lab), host, Seen(lab, host))
    lab.remove(host.name)


@pytest.fixture(autouse=True)
def _nothing_changed(bare: Bare) -> Iterator[None]:
    """After each refusal the machine is as bare as before."""
    yield
    assert not bare.seen.inside.file("/etc/homeport").exists
    assert not bare.seen.inside.package("nginx").is_installed


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_host_that_is_not_reachable(bare: Bare) -> None:
    bare.refused("bare", "Could not connect", ssh_port=closed_port())


def test_a_key_that_opens_nothing(bare: Bare, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    bare.refused("bare", "Authentication", ssh_key=key)


def test_a_host_key_that_is_not_the_known_one(bare: Bare, tmp_path: Path) -> None:
    stranger = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger)], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"{bare.host.address} {stranger.with_suffix('.pub').read_text()}")
    bare.refused("bare", "host key", ssh_known_hosts_file=known)


def test_a_login_without_sudo(bare: Bare) -> None:
    rights = "/etc/sudoers.d"
    # Root itself gives the rights back, since nobody can ask it to.
    give_back = f"systemd-run -q --unit=give-back --on-active=20 sh -c 'mv /run/kept/* {rights}/'"
    bare.seen.shell(f"mkdir -p /run/kept && {give_back} && mv {rights}/* /run/kept/")
    try:
        bare.refused("bare: the host cannot be read as root", "sudo without a password")
    finally:
        assert until(lambda: bare.project.lab.run(bare.host, "sudo -n true").returncode == 0, 60)


@pytest.mark.parametrize(("key", "value"), [("VERSION_ID", "11"), ("ID", "fedora")])
def test_a_system_that_is_not_supported(bare: Bare, key: str, value: str) -> None:
    bare.seen.shell(f"sed 's/^{key}=.*/{key}={value}/' /etc/os-release > /run/os-release")
    bare.seen.shell("mount --bind /run/os-release /usr/lib/os-release")
    try:
        bare.refused("bare: os:", value, "is not supported", "Debian 12")
    finally:
        bare.seen.shell("umount /usr/lib/os-release")


@pytest.mark.parametrize("port", [80, pytest.param(8001, marks=pytest.mark.sampled)])
def test_a_port_that_a_stranger_holds(bare: Bare, port: int) -> None:
    bare.seen.shell(f"systemd-run -q --unit=stranger python3 -m http.server {port}")
    try:
        bare.refused(f"bare: ports: port {port} is held by python3 (stranger.service)")
    finally:
        bare.seen.shell("systemctl stop stranger")


def test_a_user_of_the_same_name_that_is_somebody_elses(bare: Bare) -> None:
    bare.seen.shell("useradd --create-home notes")
    try:
        bare.refused("bare: app_name: the host has a user notes", "choose another name")
    finally:
        bare.seen.shell("userdel --remove notes")


# What is as it should not be, how it came to that, how it goes, and what is said of it.
OBSTACLES = (
    ("systemctl -q mask logrotate.timer", "systemctl -q unmask logrotate.timer", "units: logrotate.timer is masked"),
    ("/usr/sbin/groupadd notes", "/usr/sbin/groupdel notes", "app_name: the host has a group notes already"),
    (
        "mount -t tmpfs -o noexec tmpfs /srv",
        "umount /srv",
        "disk: nothing can be run in /srv/notes: /srv is mounted noexec",
    ),
    (
        "mount -t tmpfs -o ro tmpfs /usr/local",
        "umount /usr/local",
        "disk: /usr/local/lib/homeport cannot be written: /usr/local is mounted read-only",
    ),
    (
        "mkdir /home/data && ln -s /home/data /var/lib/notes",
        "rm /var/lib/notes && rmdir /home/data",
        "state: /var/lib/notes is a link to /home/data, and systemd starts no unit whose state folder is a link",
    ),
)


def test_the_plan_names_an_obstacle_that_only_a_phase_would_meet(bare: Bare) -> None:
    """All of it at once, and by a sudo that knows no sbin, which is no obstacle."""
    path = "/etc/sudoers.d/path"
    bare.seen.shell(f"echo 'Defaults secure_path=/usr/bin:/bin' >{path}")
    bare.seen.shell("; ".join(make for make, _, _ in OBSTACLES))
    try:
        planned = bare.project.pyinfra(bare.host.name, "--dry")
    finally:
        bare.seen.shell("; ".join(mend for _, mend, _ in OBSTACLES))
    assert planned.returncode == 1, planned.stdout
    for _, _, said in OBSTACLES:
        assert f"bare: {said}" in planned.stdout
    allowed = bare.project.pyinfra(bare.host.name, "--dry")
    bare.seen.shell(f"rm {path}")
    assert allowed.returncode == 0, allowed.stdout


def test_names_that_the_host_does_not_resolve(bare: Bare) -> None:
    proxies = bare.seen.shell("grep -il proxy /etc/apt/apt.conf.d/* || :").split()
    bare.seen.shell(f"mkdir -p /run/apt; {' '.join(('mv', *proxies, '/run/apt/')) if proxies else ':'}")
    bare.seen.shell("mount --bind /dev/null /etc/resolv.conf")
    try:
        said = bare.refused("bare: dns: the host cannot resolve ", "from where apt gets packages")
        assert "see /etc/resolv.conf on the host (getent hosts " in said
        # Who has a proxy leaves it to that.
        bare.seen.shell("echo 'Acquire::http::Proxy \"http://192.0.2.1:3128\";' >/etc/apt/apt.conf.d/90proxy")
        planned = bare.project.pyinfra(bare.host.name, "--dry")
        assert planned.returncode == 0, planned.stdout
    finally:
        bare.seen.shell(
            "umount /etc/resolv.conf; rm -f /etc/apt/apt.conf.d/90proxy; mv /run/apt/* /etc/apt/apt.conf.d/ || :"
        )


def test_more_workers_than_memory(bare: Bare) -> None:
    bare.refused("bare: workers:", "256 workers", workers=256, worker_memory_megabytes=4096)


def test_too_little_disk(bare: Bare) -> None:
    bare.refused("bare: disk:", "are needed", minimum_free_megabytes=100_000_000)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"wrokers": 3}, "did you mean 'workers'"),
        *(
            pytest.param(data, key, marks=pytest.mark.sampled)
            for data, key in (
                ({"app_ref": "no-such-branch"}, "app_ref"),
                ({"app_source": "/no/such/folder"}, "app_source"),
                ({"app_entrypoint": "nothing:app"}, "app_entrypoint"),
                ({"workers": "many"}, "workers"),
                ({"secrets_file": "no-such-file"}, "secrets_file"),
            )
        ),
    ],
)
def test_settings_that_are_wrong_end_with_2(bare: Bare, data: dict[str, object], key: str) -> None:
    output = bare.refused("error: bare: ", key, status=2, **data)
    assert "Connected" not in output


def test_a_dirty_tree_unless_it_is_asked_for(bare: Bare) -> None:
    (bare.project.app / "scribble.py").write_text("x = 1\n")
    try:
        bare.refused("error: bare: ", "scribble.py", "allow_dirty", status=2)
        allowed = bare.project.pyinfra(bare.host.name, "--dry", allow_dirty=True)
        assert allowed.returncode == 0, allowed.stdout
    finally:
        (bare.project.app / "scribble.py").unlink()


def test_an_override_that_does_not_render(bare: Bare) -> None:
    override = bare.project.folder / "overrides" / "nginx" / "site.conf"
    override.parent.mkdir(parents=True)
    override.write_text("server_name {{ no_such_name }};\n")
    try:
        bare.refused("error: bare: ", "site.conf", "no_such_name", status=2)
    finally:
        override.unlink()
