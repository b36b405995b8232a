"""Docker Swarm: a stack with Traefik and its certificates in front, and the script that rolls a release out. Pure.

The image is that of `container`. A new container comes before an old one goes, and an update that fails is taken back
by Swarm itself. Secrets and Traefik's file have names with a hash of their content, since Swarm changes neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from homeport.exports.engines.container import ANSWER_SECONDS, INTERVAL_SECONDS, start_seconds
from homeport.exports.engines.interface import PORT, USER_ID, File, Subject, with_git_files
from homeport.exports.engines.replicas import replica_warnings, state_problems
from homeport.exports.engines.running import Running, half_open_network, taken_names
from homeport.service.model import Service

# Names of services that are ours.
RESERVED = ("app", "migrate", "proxy")
# Traefik's words for the curves of the settings.
CURVES = {"secp256r1": "EC256", "secp384r1": "EC384"}
# How long a server may answer nothing before its container is replaced, as on Kubernetes.
SILENT_SECONDS = 120
# After a container has ended, one is started in its place.
RESTART_SECONDS = 2


class Swarm(Running):
    """stack.yaml, Traefik's file, and release.sh."""

    name = "swarm"
    summary = "a Docker Swarm stack with Traefik and HTTPS, and the script that rolls a release out"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        site = subject.render("swarm/traefik.yaml", **_site(subject))
        values = {**_values(subject), "site_version": sha256(site.encode()).hexdigest()[:10]}
        found = {
            "stack.yaml": File(subject.render("swarm/stack.yaml", **values)),
            "traefik.yaml": File(site),
            "release.sh": File(subject.render("swarm/release.sh", **values), executable=True),
        }
        return with_git_files(found, self.record)

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        return (
            f"build the image {subject.image} and push it where the nodes get it from",
            "sh release.sh TAG    on a manager of the swarm",
        )

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield what a swarm cannot have: state of several replicas, a process called as a service of ours."""
        yield from state_problems(subject)
        yield from taken_names(subject, RESERVED, "service")
        yield from half_open_network(subject, self.name)

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield what is not as on machines: no limit of memory, one replica, replicas without a state."""
        yield from super().warnings(subject)
        yield from replica_warnings(subject)


def resources(service: Service) -> dict[str, str]:
    """Return what a container may take, in Swarm's words; what is not set is not limited."""
    found = {}
    if service.limits.cpu_max is not None:
        found["cpus"] = f"{service.limits.cpu_max:g}"
    if service.limits.memory_max_megabytes is not None:
        found["memory"] = f"{service.limits.memory_max_megabytes}M"
    return found


def _values(subject: Subject) -> dict[str, object]:
    settings, service = subject.settings, subject.service
    starting = start_seconds(service)
    networks = ["inside", *(["outside"] if settings.sandbox_network == "any" else [])]
    return {
        "app": service.app,
        "target": subject.target,
        "image": subject.image,
        "state": service.state_directory if settings.state_volume_megabytes else "",
        "scratch": "" if settings.state_volume_megabytes else service.state_directory,
        "user_id": USER_ID,
        "secret_names": service.secret_names,
        "environment": {"HOMEPORT_MIGRATE": "no", "FORWARDED_ALLOW_IPS": "*"},
        "networks": networks,
        "resources": resources(service),
        "replicas": settings.replicas,
        "processes": service.processes,
        "migrates": service.migration.where != "nowhere",
        # It is asked every two seconds: for the image to get there, for the command, and for it to be killed.
        "migrate_attempts": (service.migration.timeout_seconds + 310) // 2,
        "stop_seconds": service.stop_timeout_seconds,
        "stop_signal": service.stop_signal,
        "drain_seconds": settings.drain_timeout_seconds,
        "watch_seconds": settings.watch_seconds,
        "recreates": settings.switch == "restart",
        "start_seconds": starting,
        "interval": INTERVAL_SECONDS,
        "answer": ANSWER_SECONDS,
        "retries": SILENT_SECONDS // INTERVAL_SECONDS,
        "restart_seconds": RESTART_SECONDS,
        # One after the other: the image's way to a node, the start, the watch, and Swarm's own pauses.
        "rollout_attempts": settings.replicas * (starting + SILENT_SECONDS + settings.watch_seconds + 300) // 2,
        "email": settings.acme_email,
        "directory_url": settings.acme_directory_url,
        "profile": settings.acme_profile,
        "key_type": CURVES[settings.acme_key_curve],
    }


def _site(subject: Subject) -> dict[str, object]:
    settings = subject.settings
    return {
        "app": subject.service.app,
        "target": subject.target,
        "port": PORT,
        "domain": settings.domain,
        "served": [settings.domain, *settings.served_domains],
        "aliases": settings.domain_aliases,
        "domains": settings.domains,
        "modern": settings.tls_profile == "modern",
        "hsts_seconds": settings.hsts_seconds,
        "hsts_subdomains": settings.hsts_subdomains,
        "hsts_preload": settings.hsts_preload,
        "read_seconds": settings.proxy_read_timeout_seconds,
    }
