"""The columns of the table "setting × ground" of engines that are mostly like another: where they differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.exports.engines.cells import Cell, kept, nothing, refused

Column = Mapping[str, Cell]

_PODMANS_SECRETS = kept("podman's secrets, mounted")
_SWARMS_SECRETS = kept("Swarm's secrets, which `release.sh` makes of files")
_TRAEFIK = refused("leave it out, and write it into overrides/swarm/traefik.yaml in Traefik's words")
_LIMIT = "Traefik's limit holds back streamed answers"
_HEADER = kept("a header")
_NO_FILES = refused("Traefik serves no files: let the application do so itself (StaticFiles)")
_VARIABLES = kept("Nomad's variables, as files; you put them there")
_TAGS = refused("leave it out, and say it in a middleware of your Traefik's, named in overrides/nomad/job.nomad.hcl")
_THEIRS = nothing("your Traefik asks the authority")
_CLUSTER = nothing("for Kubernetes alone")

QUADLET: Column = {
    "secrets_file": _PODMANS_SECRETS,
    "secrets_from_environment": _PODMANS_SECRETS,
    "image_pull_secret": nothing("by `podman login`, where it runs"),
    "sandbox_network": refused("podman has no list of addresses, and publishes no port of a closed network"),
    "health_path": kept("`HealthCmd`"),
    "health_status": kept("`HealthCmd`"),
    "stop_timeout_seconds": kept("`StopTimeout`"),
    "cpu_weight": kept("`--cpu-shares`"),
}

SWARM: Column = {
    "image_pull_secret": nothing("by `docker login` on the manager, which `release.sh` hands to the nodes"),
    "replicas": kept("`replicas`"),
    "replicas_max": refused("a swarm adds no replicas by itself"),
    "state_volume_megabytes": kept(
        "a volume of one node, without a bound; None: memory, which goes with the container"
    ),
    "app_name": kept("also the stack"),
    "memory_max_megabytes": kept('`limits.memory`; "auto": none'),
    "cpu_weight": refused("a stack has no weights"),
    "cpu_max": kept("`limits.cpus`"),
    "secrets_file": _SWARMS_SECRETS,
    "secrets_from_environment": _SWARMS_SECRETS,
    "timers": refused("a swarm starts nothing at times"),
    "sandbox_writable_paths": refused("paths of a node are not for a container that may be on another"),
    "sandbox_devices": refused("a stack has no devices"),
    "migrate_command": kept("a service that runs once, before the update"),
    "migrate_on": nothing("one service migrates"),
    "health_path": kept("`healthcheck`, until it is good for the first time"),
    "health_status": kept("`healthcheck`"),
    "health_timeout_seconds": kept("`start_period`"),
    "watch_seconds": kept("`monitor` of the update, at least 5"),
    "switch": kept("`start-first` or `stop-first`"),
    "standby": refused("`replicas` are what a swarm has instead"),
    "drain_timeout_seconds": kept("with `stop_grace_period`"),
    "workers": kept('"auto": one process a replica'),
    "worker_memory_megabytes": nothing("nothing is reserved"),
    "domain": kept("Traefik's site"),
    "served_domains": kept("Traefik's site has them too; one with a star is refused"),
    "trusted_proxies": _TRAEFIK,
    "allow_from": _TRAEFIK,
    "basic_auth": _TRAEFIK,
    "response_headers": _TRAEFIK,
    "redirects": _TRAEFIK,
    "rate_limits": _TRAEFIK,
    "path_settings": _TRAEFIK,
    "brotli": _TRAEFIK,
    "client_max_body_megabytes": refused(f"{_LIMIT}: write it into overrides/swarm/traefik.yaml where there are none"),
    "proxy_read_timeout_seconds": kept("`responseHeaderTimeout`"),
    "response_headers_kilobytes": nothing("Traefik has a bound of its own"),
    "static": _NO_FILES,
    "spa": _NO_FILES,
    "tls_profile": kept("`minVersion`"),
    "hsts_seconds": _HEADER,
    "tls": refused("Traefik asks the authority itself"),
    "acme_directory_url": kept("`caserver`"),
    "acme_profile": kept("`profile`, which Traefik 3.4 has"),
    "acme_key_curve": kept("`keytype`"),
    "acme_dns_plugin": refused("Traefik has DNS providers of its own: name one in overrides/swarm/stack.yaml"),
    "proxy": nothing("Traefik stands before the application"),
}

NOMAD: Column = {
    "image_pull_secret": nothing("the nodes' Docker driver has the login"),
    "replicas": kept("`count`"),
    "replicas_max": refused("Nomad's autoscaler is a program of its own: put its policy into overrides/nomad"),
    "state_volume_megabytes": kept("a host volume `APP-state`, which you make; None: the allocation's own folder"),
    "cluster_namespace": kept("`namespace`"),
    "ingress_class": _CLUSTER,
    "ingress_namespace": _CLUSTER,
    "app_name": kept("also the job"),
    "image_name": kept("the variable `image`"),
    "memory_max_megabytes": kept('`memory`; "auto": workers × `worker_memory_megabytes`'),
    "cpu_weight": kept("`cpu`, in MHz; unset: 100"),
    "cpu_max": refused("Nomad bounds no processor unless whole cores are reserved"),
    "environment": kept("in the image"),
    "secrets_file": _VARIABLES,
    "secrets_from_environment": _VARIABLES,
    "processes": kept("a group each"),
    "timers": kept("a periodic job each; refused where cron cannot say it"),
    "port_blue": nothing("Nomad chooses the port"),
    "sandbox_network": refused("a network of Nomad's is open"),
    "sandbox_writable_paths": refused("paths of a node are not for an allocation that may be on another"),
    "sandbox_devices": refused("devices are for a plugin of Nomad's"),
    "migrate_command": kept("a prestart task of each allocation, of the canary's first"),
    "migrate_timeout_seconds": kept("of the command"),
    "migrate_on": nothing("each allocation does, before its server"),
    "health_path": kept("a check of the service"),
    "health_status": refused("a check of Nomad's takes every status from 200 to 399 for good"),
    "health_timeout_seconds": kept("`healthy_deadline`"),
    "health_successes": nothing("a check counts one good answer; `min_healthy_time` has to pass"),
    "watch_seconds": kept("`min_healthy_time`"),
    "switch": kept('`canary`; "restart": none'),
    "drain_timeout_seconds": kept("`shutdown_delay`"),
    "stop_timeout_seconds": kept("`kill_timeout`"),
    "keep_releases": nothing("Nomad keeps six versions of a job"),
    "worker_memory_megabytes": kept("`memory`, for each worker"),
    "domain": kept("a tag for your Traefik"),
    "domain_aliases": kept("redirected, by a tag; one with a star is refused"),
    "served_domains": kept("a tag for your Traefik; one with a star is refused"),
    "trusted_proxies": _TAGS,
    "allow_from": _TAGS,
    "basic_auth": _TAGS,
    "response_headers": _TAGS,
    "redirects": _TAGS,
    "rate_limits": _TAGS,
    "path_settings": _TAGS,
    "brotli": _TAGS,
    "client_max_body_megabytes": refused(f"{_LIMIT}: say it in a middleware where there are none"),
    "proxy_read_timeout_seconds": nothing("your Traefik's transport has it"),
    "response_headers_kilobytes": nothing("Traefik has a bound of its own"),
    "static": _NO_FILES,
    "spa": _NO_FILES,
    "tls_profile": refused("leave it out, and say it in your Traefik's options of TLS"),
    "hsts_seconds": kept("a tag"),
    "hsts_subdomains": kept("a tag"),
    "hsts_preload": kept("a tag"),
    "tls": refused("your Traefik asks the authority, or has the certificate"),
    "tls_certificate_file": nothing("see `tls`"),
    "tls_key_file": nothing("see `tls`"),
    "acme_email": _THEIRS,
    "acme_directory_url": _THEIRS,
    "acme_profile": _THEIRS,
    "acme_key_curve": _THEIRS,
    "acme_dns_plugin": refused("your Traefik has DNS providers of its own"),
    "proxy": nothing("Traefik stands before the application"),
}

OWN_COLUMNS: Mapping[str, Column] = {"quadlet": QUADLET, "swarm": SWARM, "nomad": NOMAD}
