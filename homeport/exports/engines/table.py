"""What becomes of each setting on each ground: it is kept, refused by name, or has no meaning there, and why. Pure.

A test asks for a line of every setting, so that a new one is decided and not forgotten. A setting that is refused may
have its default, which asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeport.exports.engines.cells import Cell, here_and, kept, nothing, refused, row
from homeport.exports.engines.machine_rows import MACHINE_ROWS
from homeport.exports.engines.own_columns import OWN_COLUMNS
from homeport.exports.engines.site_rows import SITE_ROWS
from homeport.host.system.site_names import STAR
from homeport.settings import Settings
from homeport.settings.reference import default

_IN_IMAGE = kept("in the image")
_HOOK = refused("a container has no moment of a release at which it would run")
_CLUSTER_HOOK = refused("a roll-out has no moment at which it would run")
_ENGINE = nothing("what follows what is for whoever runs the container")
_ONE = refused("one container runs at a time")
_CLUSTER = nothing("for Kubernetes alone")
_RUN = nothing("said when the container is run")
_FOLLOWS = "by the time for the stop"
_GAP = "the old container ends before the new one starts: requests fail meanwhile"

_ROWS: Mapping[str, Mapping[str, Cell]] = {
    "base_image": row(_IN_IMAGE),
    "image_name": row(
        kept("in the commands that are shown"), kept("the image that is run"), kept("`image`"), kept("`image`")
    ),
    "replicas": row(_RUN, _ONE, _ONE, kept("`replicas`, or `minReplicas`")),
    "replicas_max": row(_RUN, _ONE, _ONE, kept("HorizontalPodAutoscaler")),
    "state_volume_megabytes": here_and(nothing("a volume grows with its disk"), kept("PersistentVolumeClaim")),
    "cluster_namespace": here_and(_CLUSTER, kept("of all objects")),
    "image_pull_secret": here_and(nothing("by `docker login`, where it runs"), kept("`imagePullSecrets`")),
    "ingress_class": here_and(_CLUSTER, kept("`ingressClassName`")),
    "ingress_namespace": here_and(_CLUSTER, kept("NetworkPolicy")),
    "app_name": row(
        kept("its user, its folders"), kept("also the unit"), kept("also the project"), kept("also each object")
    ),
    "app_source": row(kept("the build's folder; its working tree is what is built")),
    "app_ref": row(nothing("a build takes the working tree: check out what you want to build")),
    "app_subdirectory": row(kept("the build's folder")),
    "app_entrypoint": row(_IN_IMAGE),
    "allow_dirty": row(nothing("a build takes the working tree")),
    "python_version": row(kept("the base image")),
    "requirements_file": row(refused("a build reads the application's own requirements.txt")),
    "platforms": row(
        kept("`--platform` of the build"),
        kept("of the image"),
        nothing("`compose build` builds for its own; `homeport export container` has the command"),
        kept("of the image"),
    ),
    "build_image": row(kept("`build_commands` run in a stage of it")),
    "build_commands": row(
        kept("in a stage of `build_image`; without it you run them before, and the export says which")
    ),
    "build_environment": row(kept("with `build_image`: secrets of the build")),
    "release_include": row(kept("from `build_image`; without it as it is in the working tree")),
    "dependency_extras": row(_IN_IMAGE),
    "dependency_groups": row(_IN_IMAGE),
    "upgrade_dependencies": row(nothing("for a deploy alone")),
    "memory_max_megabytes": row(
        _RUN,
        kept('`--memory`; "auto": none, since nobody knows the machine'),
        kept('`mem_limit`; "auto": none'),
        kept('`limits.memory`; "auto": none'),
    ),
    "supervisor": row(nothing("the engine starts again what ends")),
    "oom_policy": row(refused("an engine lets the kernel kill one process and no more")),
    "cpu_weight": row(
        _RUN,
        kept("`--cpu-shares`"),
        kept("`cpu_shares`"),
        kept("`requests.cpu`, a thousandth of a processor each; unset: 100"),
    ),
    "cpu_max": row(_RUN, kept("`--cpus`"), kept("`cpus`"), kept("`limits.cpu`")),
    "environment": row(
        kept("`ENV`"), kept("in the image"), kept("in the image"), kept("in the image, and in a ConfigMap")
    ),
    "secrets_file": row(
        kept("names alone: each is a variable or `/run/secrets/NAME`"),
        kept("files, mounted"),
        kept("`secrets`"),
        kept("a Secret, mounted, whose values are not exported"),
    ),
    "secrets_from_environment": row(
        kept("names alone"),
        kept("files, mounted"),
        kept("`secrets`"),
        kept("a Secret, mounted, whose values are not exported"),
    ),
    "install_secrets": row(kept("`--secret` of the build; the classic builder has none and refuses")),
    "packages": row(_IN_IMAGE),
    "processes": row(
        kept("the same image with `process NAME`"),
        kept("a unit each"),
        kept("a service each"),
        kept("a Deployment each"),
    ),
    "timers": row(
        kept("the same image with `timer NAME`"),
        kept("a timer and a unit each"),
        refused("Compose starts nothing at times; have cron run `docker compose run --rm app timer NAME`"),
        kept("a CronJob each, in UTC; refused where cron cannot say it"),
    ),
    "before_start": row(kept("before the server and each process")),
    "port_blue": row(
        nothing("it listens on `PORT`, 8000"),
        kept("the machine's loopback port"),
        nothing("the proxy alone publishes ports"),
        nothing("it listens on `PORT`, 8000"),
    ),
    "port_green": row(nothing("there are no slots")),
    "sandbox_network": row(
        _RUN,
        refused("Docker has no list of addresses"),
        kept('"any" or "local"'),
        kept("NetworkPolicy, which not every network of a cluster obeys"),
    ),
    "state_paths": row(kept("in `$STATE_DIRECTORY`, by links; what the image has there is copied once")),
    "sandbox_writable_paths": row(
        _RUN, kept("`--volume`"), kept("`volumes`"), refused("paths of a node are not for a pod that is closed up")
    ),
    "sandbox_devices": row(
        _RUN, kept("`--device`"), kept("`devices`"), refused("devices are for a plugin of the cluster")
    ),
    "sandbox_jit": row(nothing("code may be made at run time")),
    "sandbox_proc": row(refused("a container sees its own processes and the machine's figures")),
    "migrate_command": row(
        kept("`migrate`, and before the server unless `HOMEPORT_MIGRATE=no`"),
        kept("a unit"),
        kept("a service"),
        kept("a Job before the roll-out"),
    ),
    "migrate_timeout_seconds": here_and(kept("of the command"), kept("of the command, and of the Job")),
    "migrate_on": here_and(nothing("one container migrates"), nothing("one Job migrates")),
    "migration_rehearsal": row(refused("there is no live release to try the migration on")),
    "health_path": here_and(
        kept("`HEALTHCHECK`"),
        kept("probes of start and readiness"),
    ),
    "health_status": here_and(
        kept("`HEALTHCHECK`"),
        kept("from 200 to 399, which are all the same to a probe; others are refused"),
    ),
    "health_timeout_seconds": row(
        kept("`--start-period`"), kept("also of the unit's start"), kept("in the image"), kept("startup probe")
    ),
    "health_successes": here_and(nothing("the engine counts one good answer"), kept("`successThreshold`")),
    "watch_seconds": here_and(_ENGINE, kept("`minReadySeconds`")),
    "switch": row(
        nothing(_GAP),
        nothing(_GAP),
        kept("`release.sh` starts the new container first, or (`restart`) ends the old one first"),
        kept("`RollingUpdate` or `Recreate`"),
    ),
    "standby": here_and(refused("one container runs at a time"), refused("`replicas` are what a cluster has instead")),
    "drain_timeout_seconds": here_and(nothing(_FOLLOWS), kept("`preStop` and `terminationGracePeriodSeconds`")),
    "stop_timeout_seconds": row(
        _RUN,
        kept("`--time` of the stop"),
        kept("`stop_grace_period`"),
        kept("`terminationGracePeriodSeconds`"),
    ),
    "keep_releases": here_and(_ENGINE, kept("`revisionHistoryLimit`")),
    "pinned_releases": row(_ENGINE),
    "lock_wait_seconds": row(nothing("nothing is locked")),
    "hooks_before_migration": here_and(_HOOK, _CLUSTER_HOOK),
    "hooks_after_live": here_and(_HOOK, _CLUSTER_HOOK),
    "hooks_on_failure": here_and(_HOOK, _CLUSTER_HOOK),
    "release": row(_ENGINE),
    "accept_migrations": row(_ENGINE),
    "server": row(_IN_IMAGE),
    "worker_timeout_seconds": row(_IN_IMAGE),
    "max_requests": row(_IN_IMAGE),
    "worker_lifetime_seconds": row(_IN_IMAGE),
    "server_preload": row(_IN_IMAGE),
    "workers": row(
        kept('"auto": one process; `WEB_CONCURRENCY` changes it'),
        kept('"auto": by processors and memory'),
        kept('"auto": by processors and memory'),
        kept('"auto": one process a replica'),
    ),
    "access_log": row(_IN_IMAGE),
    "worker_memory_megabytes": here_and(
        kept("with `WEB_CONCURRENCY=auto`"), kept("`requests.memory`, for each worker")
    ),
    **SITE_ROWS,
    **MACHINE_ROWS,
}

TABLE: Mapping[str, Mapping[str, Cell]] = {
    name: {engine: OWN_COLUMNS.get(engine, {}).get(name, cell) for engine, cell in cells.items()}
    for name, cells in _ROWS.items()
}


def refusals(engine: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the settings that are refused, and why: those with another value than their default.

    A name with a star is refused where names are kept: no proxy there is given a proof by DNS.
    """
    for name in ("domain_aliases", "served_domains"):
        star = next((one for one in getattr(settings, name) if one.startswith(STAR)), "")
        if star and TABLE[name][engine].kind == "kept":
            yield name, f"{star} needs a certificate that is proven by DNS: name each name"
    for name, cells in TABLE.items():
        if cells[engine].kind != "refused":
            continue
        value = getattr(settings, name)
        plain = list(value) if isinstance(value, tuple) else value
        # A container sees no processes but its own, which is what "own" asks for.
        if plain != default(Settings.model_fields[name]) and (name, value) != ("sandbox_proc", "own"):
            yield name, cells[engine].words
