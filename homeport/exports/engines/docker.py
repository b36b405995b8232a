"""`docker run` on one machine, by units of systemd: boot, restarts, limits, the migration once for each image.

Pure. The image is that of `container`; before the port belongs a proxy of the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.exports.engines.container import start_seconds
from homeport.exports.engines.interface import PORT, USER_ID, Engine, File, Subject, with_git_files
from homeport.rendering.filters import shell_quote
from homeport.service.model import Service

# What Docker takes for an equal part of the processors; systemd's is 100.
EQUAL_SHARES = 1024


class Docker(Engine):
    """Units, the script that they run, and the one that installs both."""

    name = "docker"
    summary = "systemd units that run the image with Docker, on one machine"
    beside = "project"
    record = "export.json"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        service, app, values = subject.service, subject.service.app, _values(subject)
        units = {f"{app}.service": subject.render("docker/app.service", **values)}
        for one in service.processes:
            own: dict[str, object] = {"name": one.name, "stop_seconds": one.stop_timeout_seconds}
            units[f"{app}.{one.name}.service"] = subject.render("docker/process.service", **{**values, **own})
        for task in service.schedules:
            own = {"name": task.name, "schedule": task.schedule, "timeout_seconds": task.timeout_seconds}
            units[f"{app}.{task.name}.service"] = subject.render("docker/task.service", **{**values, **own})
            units[f"{app}.{task.name}.timer"] = subject.render("docker/task.timer", **{**values, **own})
        enabled = [f"{app}.service", *(f"{app}.{one.name}.timer" for one in service.schedules)]
        more = {"units": list(units), "enabled": enabled}
        found = {
            "container": File(subject.render("docker/container.sh", **values), executable=True),
            "install.sh": File(subject.render("docker/install.sh", **values, **more), executable=True),
            **{name: File(text) for name, text in units.items()},
        }
        return with_git_files(found, self.record)

    def first_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.first_steps`."""
        return image_steps(subject, self.name)

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        return (
            f"build the image {subject.image}, copy it and this folder to the machine, and there, as root:",
            "sh install.sh",
        )

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield that there is no limit of memory where nobody knows the machine."""
        yield from memory_warning(subject)


def image_steps(subject: Subject, engine: str) -> tuple[str, ...]:
    """Return the commands that write what else an engine needs: the image's files, and the values of secrets."""
    secrets = f"homeport export {engine} {subject.target} --secrets    once, where it runs: it writes their values"
    return (f"homeport export container {subject.target}", *([secrets] if subject.service.secret_names else []))


def memory_warning(subject: Subject) -> Iterator[str]:
    """Yield that "auto" is no limit in an export."""
    if subject.settings.memory_max_megabytes == "auto":
        yield 'memory_max_megabytes: "auto" is no limit here, since the machine is not known; set a number'


def options(service: Service) -> Iterator[str]:
    """Yield the options of `docker run` that follow from the service, each as the script has it."""
    limits, sandbox = service.limits, service.sandbox
    if limits.memory_max_megabytes is not None:
        # Swap would let what leaks fill the disk before it is stopped.
        yield f"--memory {limits.memory_max_megabytes}m --memory-swap {limits.memory_max_megabytes}m"
    if limits.cpu_max is not None:
        yield f"--cpus {limits.cpu_max:g}"
    if limits.cpu_weight is not None:
        yield f"--cpu-shares {shares(limits.cpu_weight)}"
    for path in sandbox.writable_paths:
        yield f"--volume {shell_quote(f'{path}:{path}')}"
    for path in sandbox.devices:
        yield f"--device {shell_quote(path)}"


def shares(weight: int) -> int:
    """Return what Docker has for systemd's CPUWeight=; 2 is its least."""
    return max(2, weight * EQUAL_SHARES // 100)


def _values(subject: Subject) -> dict[str, object]:
    settings, service = subject.settings, subject.service
    return {
        "app": service.app,
        "target": subject.target,
        "image": subject.image,
        "state": service.state_directory,
        "secret_names": service.secret_names,
        "options": list(options(service)),
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
