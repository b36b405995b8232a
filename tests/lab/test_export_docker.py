"""`homeport export docker` on a machine that boots: its units, the engine of Debian, a kill and a reboot."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab, cgroups, ssh, supervisor
from homeport.lab.context import LabContext
from tests.lab.containers import engine
from tests.lab.exported import HEALTHY_SECONDS, SENTINEL, Exported, export_options, make_base
from tests.lab.project import Seen, until

pytestmark = pytest.mark.lab
HOST = "dockerhost"
# What a container's runtime does, and a machine of the lab otherwise may not.
CALLS = "add_key keyctl bpf"
CONTROLLERS = (*cgroups.WRITABLE_IN_HOST, "cpuset", "devices", "freezer")


class Machine(Seen):
    """The machine, and what runs there."""

    def is_well(self, tag: str = "one") -> bool:
        return f'"release":"{tag}"' in self.shell("curl --silent --max-time 5 http://127.0.0.1:8001/health || :")

    def server(self) -> str:
        """Return the id of the container's first process, as the machine sees it; "" for no container."""
        return self.shell("docker inspect --format '{{.State.Pid}}' notes 2>/dev/null || :")

    def migrations(self) -> int:
        """Return how often the migration was run, by what it says first."""
        return int(self.shell("journalctl --unit notes.service --output cat | grep -c 'Context impl' || :"))


@pytest.fixture(scope="module")
def machine(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with pytest.MonkeyPatch.context() as patch:
        # It is started by the same words at each power cut.
        allow_containers(patch, tmp_path_factory.mktemp("images"))
        found = Machine(lab, lab.add(HOST, "bookworm", "nspawn"))
        try:
            found.shell(
                "apt-get -qq update && apt-get -qq -y --no-install-recommends install docker.io curl >/dev/null"
            )
            assert until(lambda: "Server:" in found.shell("docker version 2>&1 || :"), HEALTHY_SECONDS)
            bring_image_and_units(found, tmp_path_factory.mktemp("engine"))
            yield found
        finally:
            lab.remove(HOST)


def allow_containers(patch: pytest.MonkeyPatch, images: Path) -> None:
    """Have a machine that is made now be one on which an engine runs: its images are on a disk without an overlay."""
    plain = supervisor.nspawn_command

    def command(context: LabContext, host: str, namespace: str, *, delegated: bool) -> list[str]:
        words = plain(context, host, namespace, delegated=delegated)
        own = [f"--system-call-filter={CALLS}", f"--bind={images}:/var/lib/docker"]
        place = words.index("--quiet") + 1
        return [*words[:place], *own, *words[place:]]

    patch.setattr(cgroups, "WRITABLE_IN_HOST", CONTROLLERS)
    patch.setattr(supervisor, "nspawn_command", command)


def bring_image_and_units(machine: Machine, folder: Path) -> None:
    """Export and build the application here, and put image and exported folder on the machine."""
    with engine(machine.lab, folder) as docker:
        make_base(docker, machine.lab)
        exported = Exported.create(folder / "project", machine.lab, docker, memory_max_megabytes=512)
        exported.homeport("export", "container", "production", *export_options())
        exported.homeport("export", "docker", "production", "--secrets")
        exported.build("one")
        docker.docker("save", "--output", str(folder / "image.tar"), "notes:one")
    units = exported.project.folder / "exports"
    packed = subprocess.run(["tar", "c", "-C", str(units), "docker"], check=True, capture_output=True).stdout
    for data, command in ((packed, "tar x -C /root"), ((folder / "image.tar").read_bytes(), "docker load")):
        words = [*ssh.command_line(machine.lab.directory, machine.host, "-o", "BatchMode=yes"), "--"]
        subprocess.run([*words, f"sudo {command}"], input=data, check=True, capture_output=True)


def test_it_is_installed_healthy_and_has_its_secret_and_its_limit(machine: Machine) -> None:
    said = machine.shell("sh /root/docker/install.sh one 2>&1")
    assert said.endswith("notes is healthy at 127.0.0.1:8001")
    assert machine.is_well()
    assert machine.property("notes.service", "ActiveState") == "active"
    assert machine.shell("docker exec notes cat /run/secrets/TOKEN") == SENTINEL
    assert machine.shell("docker inspect --format '{{.HostConfig.Memory}}' notes") == str(512 << 20)
    assert machine.migrations() == 1


def test_a_killed_server_is_started_again_without_another_migration(machine: Machine) -> None:
    assert until(machine.is_well, HEALTHY_SECONDS)
    before, migrated = machine.server(), machine.migrations()
    machine.shell(f"kill -KILL {before}")
    assert until(lambda: machine.server() not in ("", "0", before), HEALTHY_SECONDS)
    assert until(machine.is_well, HEALTHY_SECONDS)
    assert machine.migrations() == migrated


@pytest.mark.parametrize("hard", [False, True], ids=["reboot", "power cut"])
def test_after_a_boot_it_serves_with_its_state_and_has_migrated_once(machine: Machine, hard: bool) -> None:
    assert until(machine.is_well, HEALTHY_SECONDS)
    note = "--header 'Content-Type: application/json' --data '{\"text\": \"kept note\"}'"
    assert "kept note" in machine.shell(f"curl --silent {note} http://127.0.0.1:8001/notes")
    machine.lab.reboot(machine.host, hard=hard)
    assert until(machine.is_well, HEALTHY_SECONDS)
    assert "kept note" in machine.shell("curl --silent http://127.0.0.1:8001/notes")
    assert machine.shell("journalctl --boot --unit notes.service --output cat | grep -c 'Context impl' || :") == "1"
