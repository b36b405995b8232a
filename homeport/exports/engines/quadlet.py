"""podman on one machine, by units that its generator reads (Quadlet): boot, restarts, health, limits, secrets. Pure.

It is for podman 5 with systemd (Debian 13; Debian 12's podman 4.3 has no such generator). The image is that of
`container`; before the port belongs a proxy of the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.exports.engines.container import ANSWER_SECONDS, INTERVAL_SECONDS, RETRIES
from homeport.exports.engines.interface import File, Subject, with_git_files
from homeport.exports.engines.running import OnOneMachine, shares
from homeport.service.model import Service


class Quadlet(OnOneMachine):
    """Units for podman's generator, timers of systemd's, and the script that installs both."""

    name = "quadlet"
    summary = "Quadlet units that run the image with podman 5 (Debian 13), on one machine"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        values = self.values(subject)
        units = dict(_containers(subject, values))
        timers = {}
        for task in subject.service.schedules:
            own: dict[str, object] = {"name": task.name, "schedule": task.schedule}
            timers[f"{subject.service.app}.{task.name}.timer"] = subject.render(
                "quadlet/task.timer", **{**values, **own}
            )
        for kind in ("network", "volume"):
            units[f"{subject.service.app}.{kind}"] = subject.render(f"quadlet/app.{kind}", **values)
        script = subject.render("quadlet/install.sh", **values, units=sorted(units), timer_units=sorted(timers))
        found = {
            "install.sh": File(script, executable=True),
            **{name: File(text) for name, text in (units | timers).items()},
        }
        return with_git_files(found, self.record)

    def install(self) -> str:
        """See `OnOneMachine.install`."""
        return "sh install.sh TAG"

    def values(self, subject: Subject) -> dict[str, object]:
        """Return what the templates have."""
        service = subject.service
        return {
            **super().values(subject),
            "limits": list(limits(service)),
            "volumes": [f"{path}:{path}" for path in service.sandbox.writable_paths],
            "devices": list(service.sandbox.devices),
            "migrate_seconds": service.migration.timeout_seconds,
            "stop_signal": service.stop_signal,
            "interval": INTERVAL_SECONDS,
            "answer": ANSWER_SECONDS,
            "retries": RETRIES,
        }


def _containers(subject: Subject, values: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each unit of a container: the server, the migration, processes, timers' commands."""
    service, app = subject.service, subject.service.app
    yield f"{app}.container", subject.render("quadlet/app.container", **values)
    if service.migration.where != "nowhere":
        yield f"{app}-migrate.container", subject.render("quadlet/migrate.container", **values)
    for one in service.processes:
        own: dict[str, object] = {"name": one.name, "stop_seconds": one.stop_timeout_seconds}
        yield f"{app}.{one.name}.container", subject.render("quadlet/process.container", **{**values, **own})
    for task in service.schedules:
        own = {"name": task.name, "timeout_seconds": task.timeout_seconds}
        yield f"{app}.{task.name}.container", subject.render("quadlet/task.container", **{**values, **own})


def limits(service: Service) -> Iterator[str]:
    """Yield the options of `podman run` for what a container may take; Quadlet of podman 5.4 has no keys for them."""
    found = service.limits
    if found.memory_max_megabytes is not None:
        # Swap would let what leaks fill the disk before it is stopped.
        yield f"--memory={found.memory_max_megabytes}m --memory-swap={found.memory_max_megabytes}m"
    if found.cpu_max is not None:
        yield f"--cpus={found.cpu_max:g}"
    if found.cpu_weight is not None:
        yield f"--cpu-shares={shares(found.cpu_weight)}"
