"""Docker Compose on one machine: application, migration before it, and Caddy with HTTPS in front. Pure.

`release.sh` has the new release stand in for the application while Compose replaces that, so the steady state is
always what compose.yaml says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from homeport.exports.engines.container import start_seconds
from homeport.exports.engines.interface import PORT, File, Subject, with_git_files
from homeport.exports.engines.running import Running, half_open_network, shares, taken_names
from homeport.service.model import Service
from homeport.settings import Settings

# Names of services that are ours.
RESERVED = ("app", "migrate", "next", "proxy")
CURVES = {"secp256r1": "p256", "secp384r1": "p384"}


class Compose(Running):
    """compose.yaml, the Caddyfile that it mounts, the project's name, and release.sh."""

    name = "compose"
    summary = "compose.yaml: application, migration, and Caddy with HTTPS, on one machine"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        caddyfile = subject.render("compose/Caddyfile", **_site(subject))
        values = {**_values(subject), "caddyfile": sha256(caddyfile.encode()).hexdigest()[:12]}
        found = {
            # Compose 1.29 has no such key in compose.yaml, and would call the project after its folder.
            ".env": File(f"COMPOSE_PROJECT_NAME={subject.service.app}\n"),
            "compose.yaml": File(subject.render("compose/compose.yaml", **values)),
            "Caddyfile": File(caddyfile),
            "release.sh": File(subject.render("compose/release.sh", **values), executable=True),
        }
        return with_git_files(found, self.record)

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        return ("TAG=v1 docker compose build", "sh release.sh v1    and so each release, with another tag")

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield names of processes that services have already, and a network that Compose cannot close by half."""
        yield from taken_names(subject, RESERVED, "service")
        yield from half_open_network(subject, self.name)


def limits(service: Service) -> Iterator[str]:
    """Yield the lines of a service for what it may take."""
    found = service.limits
    if found.memory_max_megabytes is not None:
        yield f"mem_limit: {found.memory_max_megabytes}m"
        yield f"memswap_limit: {found.memory_max_megabytes}m"
    if found.cpu_max is not None:
        yield f"cpus: {found.cpu_max:g}"
    if found.cpu_weight is not None:
        yield f"cpu_shares: {shares(found.cpu_weight)}"


def hsts(settings: Settings) -> str:
    """Return the value of Strict-Transport-Security; "" for none."""
    if not settings.hsts_seconds:
        return ""
    more = (("includeSubDomains", settings.hsts_subdomains), ("preload", settings.hsts_preload))
    return "; ".join([f"max-age={settings.hsts_seconds}", *(word for word, wanted in more if wanted)])


def _values(subject: Subject) -> dict[str, object]:
    settings, service = subject.settings, subject.service
    automatic = {"WEB_CONCURRENCY": "auto"} if settings.workers == "auto" else {}
    return {
        "app": service.app,
        "target": subject.target,
        "image": subject.image,
        "context": subject.context.replace("$", "$$"),
        "start_seconds": start_seconds(service),
        "stop_seconds": service.stop_timeout_seconds,
        "limits": list(limits(service)),
        "volumes": [f"state:{service.state_directory}", *(f"{path}:{path}" for path in service.sandbox.writable_paths)],
        "devices": list(service.sandbox.devices),
        "secret_names": list(service.secret_names),
        "networks": ["inside", *(["outside"] if settings.sandbox_network == "any" else [])],
        "environment": {"HOMEPORT_MIGRATE": "no", "FORWARDED_ALLOW_IPS": "*", **automatic},
        "migrates": service.migration.where != "nowhere",
        "processes": service.processes,
        "overlaps": _overlaps(subject),
        # compose.yaml has the tag after a colon, so that a digest alone cannot be there.
        "pinned": True,
    }


def _overlaps(subject: Subject) -> bool:
    """Tell whether the old and the new release may run at the same time."""
    return subject.settings.switch != "restart"


def _site(subject: Subject) -> dict[str, object]:
    settings = subject.settings
    return {
        "app": subject.service.app,
        "target": subject.target,
        "domain": settings.domain,
        "served": settings.served_domains,
        "aliases": settings.domain_aliases,
        "email": settings.acme_email,
        "directory_url": settings.acme_directory_url,
        "profile": settings.acme_profile,
        "key_type": CURVES[settings.acme_key_curve],
        "protocols": "tls1.3" if settings.tls_profile == "modern" else "",
        "hsts": hsts(settings),
        "body_megabytes": settings.client_max_body_megabytes,
        "read_seconds": settings.proxy_read_timeout_seconds,
        "header_kilobytes": settings.response_headers_kilobytes,
        "port": PORT,
        "services": (("@next ", "next"), ("", "app")) if _overlaps(subject) else (("", "app"),),
    }
