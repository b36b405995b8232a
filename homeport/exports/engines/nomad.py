"""Nomad: a job for the server and its processes, and a periodic one for each timer. Pure.

Nobody here has run them: they are held against HCL's grammar alone. The image is that of `container`; Traefik is the
cluster's, and reads tags. Secrets are Nomad's variables, which a person puts there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.exports.engines.cluster import EQUAL_MILLICORES, KILL_SECONDS, PAUSE_SECONDS
from homeport.exports.engines.container import ANSWER_SECONDS, INTERVAL_SECONDS
from homeport.exports.engines.cron import cron
from homeport.exports.engines.interface import PORT, File, Subject, with_git_files
from homeport.exports.engines.replicas import replica_warnings, state_problems
from homeport.exports.engines.running import Running, taken_names
from homeport.service.model import Service

# For the image to get to a node.
ARRIVAL_SECONDS = 300
# Names of groups that are ours.
RESERVED = ("server",)


class Nomad(Running):
    """The application's job, a periodic one for each timer, and the variables that it wants."""

    name = "nomad"
    summary = "Nomad jobs (only their syntax has been checked)"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        values, app = _values(subject), subject.service.app
        found = {f"{app}.nomad.hcl": File(subject.render("nomad/job.nomad.hcl", **values))}
        for task in subject.service.schedules:
            expression, zone = cron(task.schedule)
            own = {"name": task.name, "schedule": task.schedule, "cron": expression, "zone": zone}
            # Who runs may read the variables of its own job alone.
            own["job"] = f"{app}-{task.name}"
            deadline = {"timeout_seconds": task.timeout_seconds + KILL_SECONDS}
            text = subject.render("nomad/timer.nomad.hcl", **{**values, **own, **deadline})
            found[f"{app}-{task.name}.nomad.hcl"] = File(text)
        return with_git_files(found, self.record)

    def first_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.first_steps`."""
        return super().first_steps(subject)[:1]

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        app, service = subject.service.app, subject.service
        space = f" -namespace {_namespace(subject)}"
        jobs = [app, *(f"{app}-{one.name}" for one in service.schedules)]
        words = " ".join(f"{name}=…" for name in service.secret_names)
        secrets = [f"nomad var put{space} nomad/jobs/{job} {words}    once" for job in jobs if words]
        return (
            f"build the image {subject.image} and push it where the nodes get it from",
            *secrets,
            *(f"nomad job run -var image={subject.image}:TAG {job}.nomad.hcl" for job in jobs),
        )

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield what a job cannot have: state of several replicas, times that cron has not, a group of our name."""
        yield from state_problems(subject)
        yield from taken_names(subject, RESERVED, "group")
        for task in subject.service.schedules:
            try:
                cron(task.schedule)
            except ValueError as error:
                problem = f"{task.name}: a periodic job cannot have the schedule {task.schedule}: {error}"
                yield "timers", problem, "say it so that cron has it, or leave it out for this export"

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield that nobody has run it, and what replicas cost."""
        yield "only the syntax of the jobs has been checked: no Nomad has run them"
        yield from replica_warnings(subject)
        if subject.settings.replicas > 1 and subject.service.migration.where != "nowhere":
            yield "replicas: the first release migrates in all of them at once; begin with one"


def memory(subject: Subject) -> int:
    """Return the megabytes of an allocation, which Nomad has to know."""
    limit = subject.service.limits.memory_max_megabytes
    return limit or subject.settings.worker_memory_megabytes * subject.service.serving.workers


def processor(service: Service) -> int:
    """Return what Nomad calls MHz, and the kernel a weight."""
    return EQUAL_MILLICORES if service.limits.cpu_weight is None else service.limits.cpu_weight


def _namespace(subject: Subject) -> str:
    return subject.settings.cluster_namespace or "default"


def _values(subject: Subject) -> dict[str, object]:
    settings, service = subject.settings, subject.service
    before = sum(step.timeout_seconds + KILL_SECONDS for step in service.before_start)
    migrates = service.migration.where != "nowhere"
    migration = service.migration.timeout_seconds + KILL_SECONDS if migrates else 0
    healthy = ARRIVAL_SECONDS + migration + before + service.health.timeout_seconds + settings.watch_seconds
    return {
        "app": service.app,
        "job": service.app,
        "target": subject.target,
        "image": subject.image,
        "namespace": _namespace(subject),
        "replicas": settings.replicas,
        "recreates": settings.switch == "restart",
        "state": service.state_directory,
        "keeps_state": settings.state_volume_megabytes is not None,
        "secret_names": service.secret_names,
        "processes": service.processes,
        "migrates": migrates,
        "memory": memory(subject),
        "processor": processor(service),
        "port": PORT,
        "health": service.health,
        "interval": INTERVAL_SECONDS,
        "answer": ANSWER_SECONDS,
        "watch_seconds": settings.watch_seconds,
        "healthy_seconds": healthy,
        "progress_seconds": healthy + 60,
        "pause_seconds": min(PAUSE_SECONDS, settings.drain_timeout_seconds),
        "stop_seconds": service.stop_timeout_seconds,
        "stop_signal": service.stop_signal,
        "domain": settings.domain,
        "served": [settings.domain, *settings.served_domains],
        "aliases": settings.domain_aliases,
        "hsts_seconds": settings.hsts_seconds,
        "hsts_subdomains": settings.hsts_subdomains,
        "hsts_preload": settings.hsts_preload,
    }
