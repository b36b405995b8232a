"""What becomes of each setting on each ground: it is kept, refused by name, or has no meaning there, and why. Pure.

A test asks for a line of every setting, so that a new one is decided and not forgotten. A setting that is refused may
have its default, which asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from homeport.settings import Settings
from homeport.settings.reference import default

ENGINES = ("container", "docker", "compose")
Kind = Literal["kept", "refused", "no meaning"]


@dataclass(frozen=True)
class Cell:
    """What becomes of a setting, and how, or why not."""

    kind: Kind
    words: str


def kept(words: str) -> Cell:
    """Return the cell of a setting that is translated."""
    return Cell("kept", words)


def refused(words: str) -> Cell:
    """Return the cell of a setting whose value cannot be kept."""
    return Cell("refused", words)


def nothing(words: str) -> Cell:
    """Return the cell of a setting that there is nothing for."""
    return Cell("no meaning", words)


def _row(*cells: Cell) -> Mapping[str, Cell]:
    """Return the cells of a setting by engine; one alone is that of all."""
    return dict(zip(ENGINES, cells * len(ENGINES) if len(cells) == 1 else cells, strict=False))


_IN_IMAGE = kept("in the image")
_HOOK = refused("a container has no moment of a release at which it would run")
_ENGINE = nothing("what follows what is for whoever runs the container")
_MACHINE = nothing("the machine is not homeport's here")
_PROXY = nothing("a container has no proxy")
_MACHINES_PROXY = nothing("it is for the proxy that you put before the port")
_RUN = nothing("said when the container is run")
_FILES = "nothing before the application serves files here: let it do so itself (StaticFiles)"
_CADDYS_FILES = "Caddy's container has no file of the application's image: let the application serve it (StaticFiles)"
_EDGE = "leave it out, and write it into overrides/compose/Caddyfile in Caddy's words"
_FOLLOWS = "by the time for the stop"

TABLE: Mapping[str, Mapping[str, Cell]] = {
    "base_image": _row(_IN_IMAGE),
    "image_name": _row(kept("in the commands that are shown"), kept("the image that is run"), kept("`image`")),
    "app_name": _row(kept("its user, its folders"), kept("also the unit"), kept("also the project")),
    "app_source": _row(kept("the build's folder; its working tree is what is built")),
    "app_ref": _row(nothing("a build takes the working tree: check out what you want to build")),
    "app_subdirectory": _row(kept("the build's folder")),
    "app_entrypoint": _row(_IN_IMAGE),
    "allow_dirty": _row(nothing("a build takes the working tree")),
    "python_version": _row(kept("the base image")),
    "requirements_file": _row(refused("a build reads the application's own requirements.txt")),
    "build_commands": _row(refused("a build takes the working tree: run them there before it")),
    "build_environment": _row(nothing("see `build_commands`")),
    "release_include": _row(refused("a build takes the working tree, but for what .gitignore and .dockerignore name")),
    "dependency_extras": _row(_IN_IMAGE),
    "dependency_groups": _row(_IN_IMAGE),
    "upgrade_dependencies": _row(nothing("for a deploy alone")),
    "memory_max_megabytes": _row(
        _RUN, kept('`--memory`; "auto": none, since nobody knows the machine'), kept('`mem_limit`; "auto": none')
    ),
    "oom_policy": _row(refused("an engine lets the kernel kill one process and no more")),
    "cpu_weight": _row(_RUN, kept("`--cpu-shares`"), kept("`cpu_shares`")),
    "cpu_max": _row(_RUN, kept("`--cpus`"), kept("`cpus`")),
    "environment": _row(kept("`ENV`"), kept("in the image"), kept("in the image")),
    "secrets_file": _row(
        kept("names alone: each is a variable or `/run/secrets/NAME`"), kept("files, mounted"), kept("`secrets`")
    ),
    "secrets_from_environment": _row(kept("names alone"), kept("files, mounted"), kept("`secrets`")),
    "install_secrets": _row(kept("`--secret` of the build; the classic builder has none and refuses")),
    "packages": _row(_IN_IMAGE),
    "processes": _row(kept("the same image with `process NAME`"), kept("a unit each"), kept("a service each")),
    "timers": _row(
        kept("the same image with `timer NAME`"),
        kept("a timer and a unit each"),
        refused("Compose starts nothing at times; have cron run `docker compose run --rm app timer NAME`"),
    ),
    "before_start": _row(kept("before the server and each process")),
    "port_blue": _row(nothing("it listens on `PORT`, 8000"), kept("the machine's loopback port"), _PROXY),
    "port_green": _row(nothing("there are no slots")),
    "sandbox_network": _row(_RUN, refused("Docker has no list of addresses"), kept('"any" or "local"')),
    "sandbox_writable_paths": _row(_RUN, kept("`--volume`"), kept("`volumes`")),
    "sandbox_devices": _row(_RUN, kept("`--device`"), kept("`devices`")),
    "sandbox_jit": _row(nothing("code may be made at run time")),
    "sandbox_proc": _row(refused("a container sees its own processes and the machine's figures")),
    "migrate_command": _row(
        kept("`migrate`, and before the server unless `HOMEPORT_MIGRATE=no`"), kept("a unit"), kept("a service")
    ),
    "migrate_timeout_seconds": _row(kept("of the command")),
    "migrate_on": _row(nothing("one container migrates")),
    "migration_rehearsal": _row(refused("there is no live release to try the migration on")),
    "health_path": _row(kept("`HEALTHCHECK`")),
    "health_status": _row(kept("`HEALTHCHECK`")),
    "health_timeout_seconds": _row(kept("`--start-period`"), kept("also of the unit's start"), kept("in the image")),
    "health_successes": _row(nothing("Docker counts one good answer")),
    "watch_seconds": _row(_ENGINE),
    "switch": _row(nothing("the old container ends before the new one starts: requests fail meanwhile")),
    "standby": _row(refused("one container runs at a time")),
    "drain_timeout_seconds": _row(nothing(_FOLLOWS)),
    "stop_timeout_seconds": _row(_RUN, kept("`--time` of the stop"), kept("`stop_grace_period`")),
    "keep_releases": _row(_ENGINE),
    "pinned_releases": _row(_ENGINE),
    "lock_wait_seconds": _row(nothing("nothing is locked")),
    "hooks_before_migration": _row(_HOOK),
    "hooks_after_live": _row(_HOOK),
    "hooks_on_failure": _row(_HOOK),
    "release": _row(_ENGINE),
    "accept_migrations": _row(_ENGINE),
    "server": _row(_IN_IMAGE),
    "worker_timeout_seconds": _row(_IN_IMAGE),
    "max_requests": _row(_IN_IMAGE),
    "worker_lifetime_seconds": _row(_IN_IMAGE),
    "server_preload": _row(_IN_IMAGE),
    "workers": _row(
        kept('"auto": one process; `WEB_CONCURRENCY` changes it'),
        kept('"auto": by processors and memory'),
        kept('"auto": by processors and memory'),
    ),
    "access_log": _row(_IN_IMAGE),
    "worker_memory_megabytes": _row(kept("with `WEB_CONCURRENCY=auto`")),
    "domain": _row(_PROXY, _MACHINES_PROXY, kept("Caddy's site")),
    "domain_aliases": _row(_PROXY, _MACHINES_PROXY, kept("redirected")),
    "served_domains": _row(_PROXY, _MACHINES_PROXY, kept("Caddy's site has them too")),
    "trusted_proxies": _row(_PROXY, _MACHINES_PROXY, refused(_EDGE)),
    "allow_from": _row(_PROXY, _MACHINES_PROXY, refused(_EDGE)),
    "basic_auth": _row(_PROXY, _MACHINES_PROXY, refused(_EDGE)),
    "response_headers": _row(_PROXY, _MACHINES_PROXY, refused(_EDGE)),
    "redirects": _row(_PROXY, _MACHINES_PROXY, refused(_EDGE)),
    "rate_limits": _row(_PROXY, _MACHINES_PROXY, refused("Debian's and Docker's Caddy has no rate limits")),
    "former_domain": _row(nothing("no site is taken over")),
    "client_max_body_megabytes": _row(_PROXY, _MACHINES_PROXY, kept("`request_body`")),
    "proxy_read_timeout_seconds": _row(_PROXY, _MACHINES_PROXY, kept("`read_timeout`")),
    "response_headers_kilobytes": _row(_PROXY, _MACHINES_PROXY, kept("`max_response_header`")),
    "static": _row(refused(_FILES), refused(_FILES), refused(_CADDYS_FILES)),
    "spa": _row(refused(_FILES), refused(_FILES), refused(_CADDYS_FILES)),
    "api_paths": _row(nothing("see `spa`")),
    "maintenance_retry_seconds": _row(nothing("there is no maintenance page")),
    "tls_profile": _row(_PROXY, _MACHINES_PROXY, kept("`protocols`")),
    "hsts_seconds": _row(_PROXY, _MACHINES_PROXY, kept("a header")),
    "hsts_subdomains": _row(_PROXY, _MACHINES_PROXY, kept("a header")),
    "hsts_preload": _row(_PROXY, _MACHINES_PROXY, kept("a header")),
    "tls": _row(_PROXY, _MACHINES_PROXY, refused("Caddy asks the authority itself")),
    "tls_certificate_file": _row(_PROXY, _MACHINES_PROXY, nothing("see `tls`")),
    "tls_key_file": _row(_PROXY, _MACHINES_PROXY, nothing("see `tls`")),
    "acme_email": _row(_PROXY, _MACHINES_PROXY, kept("of the account")),
    "acme_directory_url": _row(_PROXY, _MACHINES_PROXY, kept("`ca`")),
    "acme_profile": _row(_PROXY, _MACHINES_PROXY, kept("`profile`, which Caddy 2.10 has")),
    "acme_key_curve": _row(_PROXY, _MACHINES_PROXY, kept("`key_type`")),
    "acme_dns_plugin": _row(_PROXY, _MACHINES_PROXY, refused("Caddy has each DNS provider in an image of its own")),
    "acme_dns_requirements_file": _row(_PROXY, _MACHINES_PROXY, nothing("see `acme_dns_plugin`")),
    "acme_dns_credentials_file": _row(_PROXY, _MACHINES_PROXY, nothing("see `acme_dns_plugin`")),
    "acme_dns_propagation_seconds": _row(_PROXY, _MACHINES_PROXY, nothing("see `acme_dns_plugin`")),
    "apt_lock_timeout_seconds": _row(_MACHINE),
    "minimum_free_megabytes": _row(_MACHINE),
    "outbound": _row(nothing("nothing is fetched by a machine of homeport's")),
    "outbound_private": _row(nothing("see `outbound`")),
    "take_over": _row(_MACHINE),
    "take_machine": _row(_MACHINE),
    "proxy": _row(_PROXY, _MACHINES_PROXY, nothing("Caddy stands before the application")),
    "replace_proxy": _row(_MACHINE),
    "security_upgrades": _row(_MACHINE),
    "reboot_time": _row(_MACHINE),
    "journal_max_megabytes": _row(_MACHINE),
    "log_rotation": _row(_MACHINE, _MACHINE, kept("three files of 10 MB a service, whatever is set")),
    "usage_record": _row(_MACHINE),
    "time_synchronisation": _row(_MACHINE),
    "kernel_hardening": _row(_MACHINE),
    "swap_megabytes": _row(_MACHINE),
    "firewall": _row(_MACHINE, _MACHINE, nothing("Docker opens the ports that a service publishes by itself")),
    "firewall_open": _row(_MACHINE),
    "firewall_close": _row(_MACHINE),
    "sshd_hardening": _row(_MACHINE),
    "sshd_close": _row(_MACHINE),
    "lockout_timeout_seconds": _row(_MACHINE),
}


def refusals(engine: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the settings that are refused, and why: those with another value than their default."""
    for name, cells in TABLE.items():
        if cells[engine].kind != "refused":
            continue
        value = getattr(settings, name)
        plain = list(value) if isinstance(value, tuple) else value
        # A container sees no processes but its own, which is what "own" asks for.
        if plain != default(Settings.model_fields[name]) and (name, value) != ("sandbox_proc", "own"):
            yield name, cells[engine].words
