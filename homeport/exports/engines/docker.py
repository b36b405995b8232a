"""`docker run` on one machine, by units of systemd: boot, restarts, limits, the migration once for each image.

Pure. The image is that of `container`; before the port belongs a proxy of the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.exports.engines.interface import File, Subject, with_git_files
from homeport.exports.engines.running import OnOneMachine, shares
from homeport.rendering.filters import shell_quote
from homeport.service.model import Service


class Docker(OnOneMachine):
    """Units, the script that they run, and the one that installs both."""

    name = "docker"
    summary = "systemd units that run the image with Docker, on one machine"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        service, app, values = subject.service, subject.service.app, self.values(subject)
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

    def values(self, subject: Subject) -> dict[str, object]:
        """Return what the templates have."""
        return {**super().values(subject), "options": list(options(subject.service))}


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
