"""What all engines have in common that run the image of `container`, each in a folder of the project's own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from homeport.exports.engines.container import start_seconds
from homeport.exports.engines.interface import PORT, USER_ID, Engine, Subject

# What Docker takes for an equal part of the processors; systemd's is 100.
EQUAL_SHARES = 1024


class Running(Engine):
    """An engine that runs the image."""

    beside = "project"
    record = "export.json"

    def first_steps(self, subject: Subject) -> tuple[str, ...]:
        """Return the commands that write what else it needs: the image's files, and the values of secrets."""
        secrets = (
            f"homeport export {self.name} {subject.target} --secrets    once, where it runs: it writes their values"
        )
        return (f"homeport export container {subject.target}", *([secrets] if subject.service.secret_names else []))

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield that there is no limit of memory where nobody knows the machine."""
        if subject.settings.memory_max_megabytes == "auto":
            yield 'memory_max_megabytes: "auto" is no limit here, since the machine is not known; set a number'


class OnOneMachine(Running):
    """An engine whose folder is copied to the machine on which one container runs."""

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        return (
            f"build the image {subject.image}, copy it and this folder to the machine, and there, as root:",
            self.install(),
        )

    def install(self) -> str:
        """Return the command that installs what is in the folder."""
        return "sh install.sh"

    def values(self, subject: Subject) -> dict[str, object]:
        """Return what the templates of such an engine have."""
        settings, service = subject.settings, subject.service
        return {
            "engine": self.name,
            "app": service.app,
            "target": subject.target,
            "image": subject.image,
            "state": service.state_directory,
            "secret_names": service.secret_names,
            "automatic": settings.workers == "auto",
            "migrates": service.migration.where != "nowhere",
            "processes": service.processes,
            "timers": service.schedules,
            "host_port": settings.port_blue,
            "port": PORT,
            "user_id": USER_ID,
            "start_seconds": start_seconds(service),
            "stop_seconds": service.stop_timeout_seconds,
        }


def taken_names(subject: Subject, reserved: Collection[str], what: str) -> Iterator[tuple[str, str, str]]:
    """Yield the processes whose name a `what` of the export's own has: key, problem and fix."""
    for one in subject.service.processes:
        if one.name in reserved:
            yield "processes", f"{one.name} is a {what} of the export's own", "give the process another name"


def half_open_network(subject: Subject, engine: str) -> Iterator[tuple[str, str, str]]:
    """Yield a `sandbox_network` that a network of Docker's cannot be: key, problem and fix."""
    if subject.settings.sandbox_network not in ("any", "local"):
        problem = f"homeport export {engine} cannot keep it: a network of Docker's is open or closed, and has no ranges"
        yield "sandbox_network", problem, 'set it to "local" or "any" for this export'


def shares(weight: int) -> int:
    """Return what Docker has for systemd's CPUWeight=; 2 is its least."""
    return max(2, weight * EQUAL_SHARES // 100)
