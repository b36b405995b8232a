"""What the manifests of `homeport.exports.engines.kubernetes` are given: names, requests, limits, times. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import ip_network

from homeport.exports.engines.container import ANSWER_SECONDS, INTERVAL_SECONDS, RETRIES
from homeport.exports.engines.cron import cron
from homeport.exports.engines.interface import PORT, USER_ID, Subject
from homeport.service.model import Service

# A CronJob's name gets eleven characters more in its Jobs', which may have 63 (Kubernetes' reference, CronJob).
LONGEST_TIMER = 52
# What only objects of Traefik's say: an Ingress has hosts, paths and certificates.
TRAEFIK_ALONE = (
    "domain_aliases",
    "proxy_read_timeout_seconds",
    "hsts_seconds",
    "hsts_subdomains",
    "hsts_preload",
    "tls_profile",
)
CURVES = {"secp256r1": 256, "secp384r1": 384}
# How often a container that starts is asked, in seconds.
START_PERIOD = 2
# After a container is told to end, it gets new requests until each proxy knows: endpoints travel in about a second.
PAUSE_SECONDS = 10
# For a node that has to be made first, and for the image to get there.
ARRIVAL_SECONDS = 300
# How much longer than its time-out a command may take to be killed.
KILL_SECONDS = 10
# Processor for a container that says nothing of its weight (100), in thousandths.
EQUAL_MILLICORES = 100
# From which part of what its workers can use on a replica is added.
BUSY = 0.7


def namespace(subject: Subject) -> str:
    """Return the namespace of all objects."""
    return subject.settings.cluster_namespace or subject.service.app


def variables(subject: Subject) -> dict[str, str]:
    """Return what every container is given as variables: ours, and those of the settings."""
    return {"FORWARDED_ALLOW_IPS": "*", "HOMEPORT_MIGRATE": "no", **dict(subject.service.environment)}


def settings_name(app: str, given: Mapping[str, str]) -> str:
    """Return the name of the ConfigMap with these variables, with a hash of them."""
    return f"{app}-{sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:10]}"


def manifest_values(subject: Subject) -> dict[str, object]:
    """Return what the templates are given."""
    settings, service = subject.settings, subject.service
    return {
        "app": service.app,
        "target": subject.target,
        "advice": f"`homeport export kubernetes {subject.target} --check` tells whether it is stale.",
        "image": subject.image,
        "image_pattern": subject.image.replace(".", "[.]"),
        "namespace": namespace(subject),
        "state": service.state_directory,
        "state_megabytes": settings.state_volume_megabytes or 0,
        "secret_names": service.secret_names,
        "user_id": USER_ID,
        "port": PORT,
        "replicas": settings.replicas,
        "replicas_max": settings.replicas_max,
        "spreads": settings.replicas > 1 or settings.replicas_max is not None,
        "requests": requests(subject),
        "limits": limits(service),
        "busy_millicores": busy_millicores(service),
        "egress": egress(subject),
        "processes": service.processes,
        "timers": list(timers(service)),
        "beside": bool(service.processes or service.schedules),
        "needs": list(_needs(subject)),
        **_times(subject),
        **_site(subject),
    }


def requests(subject: Subject) -> dict[str, str]:
    """Return what a container asks a node for: memory of its workers, and processor by its weight."""
    service = subject.service
    memory = subject.settings.worker_memory_megabytes * service.serving.workers
    if service.limits.memory_max_megabytes is not None:
        memory = min(memory, service.limits.memory_max_megabytes)
    weight = EQUAL_MILLICORES if service.limits.cpu_weight is None else service.limits.cpu_weight
    if service.limits.cpu_max is not None:
        weight = min(weight, millicores(service.limits.cpu_max))
    return {"cpu": f"{weight}m", "memory": f"{memory}Mi"}


def limits(service: Service) -> dict[str, str]:
    """Return what a container may take; what is not set is not limited."""
    found = {}
    if service.limits.cpu_max is not None:
        found["cpu"] = f"{millicores(service.limits.cpu_max)}m"
    if service.limits.memory_max_megabytes is not None:
        found["memory"] = f"{service.limits.memory_max_megabytes}Mi"
    return found


def millicores(processors: float) -> int:
    """Return processors in thousandths, as Kubernetes counts them; 1 is its least."""
    return max(1, round(processors * 1000))


def busy_millicores(service: Service) -> int:
    """Return from which use of processors on a replica is added; a worker can use one processor at most."""
    can = float(service.serving.workers)
    if service.limits.cpu_max is not None:
        can = min(can, service.limits.cpu_max)
    return millicores(can * BUSY)


def egress(subject: Subject) -> list[str] | None:
    """Return the ranges that the containers may reach; None for all there are."""
    network = subject.settings.sandbox_network
    if network == "any":
        return None
    return [] if network == "local" else [str(ip_network(one, strict=False)) for one in network]


def timers(service: Service) -> Iterator[dict[str, object]]:
    """Yield what a CronJob is given of each timer; raise ValueError for a schedule that cron has not."""
    for one in service.schedules:
        expression, zone = cron(one.schedule)
        deadline = one.timeout_seconds + KILL_SECONDS + ARRIVAL_SECONDS
        own = {"name": one.name, "schedule": one.schedule, "cron": expression, "zone": zone}
        yield {**own, "deadline_seconds": deadline}


def _times(subject: Subject) -> dict[str, object]:
    settings, service = subject.settings, subject.service
    before = sum(step.timeout_seconds + KILL_SECONDS for step in service.before_start)
    start = service.health.timeout_seconds + before
    migration = service.migration.timeout_seconds + KILL_SECONDS + ARRIVAL_SECONDS
    return {
        "migrates": service.migration.where != "nowhere",
        "migrate_seconds": migration,
        # It is asked every two seconds, and a minute longer than it may take.
        "migrate_attempts": (migration + 60) // 2,
        "health": service.health,
        "headers": [{"name": name, "value": value} for name, value in _headers(subject).items()],
        "start_period": START_PERIOD,
        "start_attempts": -(-start // START_PERIOD),
        "interval": INTERVAL_SECONDS,
        "answer": ANSWER_SECONDS,
        "retries": RETRIES,
        # The drain begins with the pause; after it the server is told to end, and finishes its requests by itself.
        "pause_seconds": min(PAUSE_SECONDS, settings.drain_timeout_seconds),
        "grace_seconds": settings.drain_timeout_seconds + service.stop_timeout_seconds,
        "watch_seconds": settings.watch_seconds,
        "progress_seconds": start + settings.watch_seconds + ARRIVAL_SECONDS,
        "keep_releases": settings.keep_releases,
        "recreates": settings.switch == "restart",
    }


def _headers(subject: Subject) -> dict[str, str]:
    """Return the headers of a probe, which asks as the proxy does for the site."""
    own = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "User-Agent": "homeport"}
    return {"Host": subject.settings.domain, **own}


def _site(subject: Subject) -> dict[str, object]:
    settings = subject.settings
    return {
        "ingress_class": settings.ingress_class,
        "ingress_namespace": settings.ingress_namespace,
        "image_pull_secret": settings.image_pull_secret,
        "traefik": settings.ingress_class == "traefik",
        "domain": settings.domain,
        "domains": settings.domains,
        "aliases": settings.domain_aliases,
        "acme": settings.tls == "acme",
        "email": settings.acme_email,
        "directory_url": settings.acme_directory_url,
        "profile": settings.acme_profile,
        "key_size": CURVES[settings.acme_key_curve],
        "modern": settings.tls_profile == "modern",
        "hsts_seconds": settings.hsts_seconds,
        "hsts_subdomains": settings.hsts_subdomains,
        "hsts_preload": settings.hsts_preload,
        "read_seconds": settings.proxy_read_timeout_seconds,
    }


def _needs(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Yield what a cluster must have beside Kubernetes: the group and a kind of its objects, and what brings them."""
    if subject.settings.tls == "acme":
        yield "cert-manager.io", "certificates", "cert-manager, which obtains the certificate: install it"
    if subject.settings.ingress_class == "traefik":
        yield "traefik.io", "middlewares", "Traefik with its own kinds of objects: install it, or set ingress_class"
