"""Kubernetes: manifests, the same as a Kustomize base with an overlay, and the script that rolls a release out. Pure.

The image is that of `container`. Names of settings have a hash of their content, by us or by Kustomize; of secrets
there are the names of files whose values nobody commits. The migration is a Job of its own, which `release.sh` awaits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from homeport.exports.engines.cluster import (
    LONGEST_TIMER,
    TRAEFIK_ALONE,
    manifest_values,
    namespace,
    settings_name,
    variables,
)
from homeport.exports.engines.cron import cron
from homeport.exports.engines.interface import File, Subject, with_git_files
from homeport.exports.engines.replicas import replica_warnings, state_problems
from homeport.exports.engines.running import Running
from homeport.settings import Settings
from homeport.settings.reference import default


class Kubernetes(Running):
    """manifests/, base/ and overlays/ with the same objects, and release.sh."""

    name = "kubernetes"
    summary = "manifests, a Kustomize base with an overlay, and the script that rolls a release out"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        name = overlay(subject)
        values = {**manifest_values(subject), "overlay": name}
        given = variables(subject)
        plain = {**values, "config_name": settings_name(subject.service.app, given), "environment": given}
        base = {**values, "config_name": subject.service.app, "environment": {}}
        found = {
            "namespace.yaml": File(subject.render("kubernetes/namespace.yaml", **values)),
            "release.sh": File(subject.render("kubernetes/release.sh", **values), executable=True),
            "base/settings/settings.env": File("".join(f"{key}={value}\n" for key, value in given.items())),
        }
        for part in _parts(subject):
            found[f"manifests/{part}.yaml"] = File(subject.render(f"kubernetes/{part}.yaml", **plain))
            place = "base/migration/migration.yaml" if part == "migration" else f"base/{part}.yaml"
            found[place] = File(subject.render(f"kubernetes/{part}.yaml", **base))
        for place, more in _kustomizations(subject, name):
            text = subject.render("kubernetes/kustomization.yaml", **{**values, **_EMPTY, **more})
            found[f"{place}/kustomization.yaml"] = File(text)
        return with_git_files(found, self.record)

    def secrets_folder(self, subject: Subject) -> str:
        """Return where Kustomize reads secrets from: below the overlay that names them."""
        return f"overlays/{overlay(subject)}/settings"

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        certificate = f"kubectl --namespace {namespace(subject)} create secret tls {subject.service.app}-tls"
        provided = (f"{certificate} --cert=CERTIFICATE --key=KEY",) if subject.settings.tls == "files" else ()
        return (
            f"build the image {subject.image} and push it where the cluster gets it from",
            "kubectl apply --filename namespace.yaml    once",
            *provided,
            "sh release.sh TAG",
        )

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield what no cluster can have: state of several replicas, times that cron has not, limits of a proxy."""
        yield from state_problems(subject)
        yield from _timer_problems(subject)
        settings = subject.settings
        for name, value in settings.environment.items():
            if "\n" in value or "\r" in value:
                problem = f"{name} has several lines, which Kustomize's file of variables cannot have"
                yield "environment", problem, "move it to secrets_file, or leave it out for this export"
        if not 200 <= settings.health_status < 400:
            problem = "a probe of Kubernetes takes a status from 200 to 399 for good, and no other"
            yield "health_status", problem, "set health_path to one that answers so"
        if settings.ingress_class != "traefik":
            for key in TRAEFIK_ALONE:
                if getattr(settings, key) not in (default(Settings.model_fields[key]), ()):
                    problem = f"only Traefik's own objects say it, and ingress_class is {settings.ingress_class}"
                    yield key, problem, "say it by annotations in an overlay, and unset it for this export"

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield what is not as on machines: no limit of memory, one replica, replicas without a state."""
        yield from super().warnings(subject)
        yield from replica_warnings(subject)


# What a kustomization has unless it says otherwise.
_EMPTY: Mapping[str, object] = {
    "in_namespace": False,
    "resources": (),
    "generates": "",
    "name": "",
    "envs": (),
    "files": (),
}


def overlay(subject: Subject) -> str:
    """Return the name of the overlay: that of the inventory."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", PurePath(subject.target).stem).strip("-") or "site"


def _parts(subject: Subject) -> list[str]:
    service = subject.service
    migrates = service.migration.where != "nowhere"
    beside = service.processes or service.schedules
    return ["settings", *(["migration"] if migrates else []), "server", *(["processes"] if beside else [])]


def _kustomizations(subject: Subject, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each folder with a kustomization, and what that has besides its header.

    The settings are a folder of their own since the migration needs them, too, and is applied by itself.
    """
    app, parts = subject.service.app, _parts(subject)
    own = [f"{part}.yaml" for part in parts if part != "migration"]
    yield "base", {"what": "all but the migration, for overlays.", "resources": own}
    env: dict[str, object] = {"generates": "configMapGenerator", "name": app, "envs": ["settings.env"]}
    yield "base/settings", {"what": "variables, by a name with a hash of them.", **env}
    secret: dict[str, object] = {}
    if subject.service.secret_names:
        files = [f"secrets/{one}" for one in subject.service.secret_names]
        secret = {"generates": "secretGenerator", "name": f"{app}-secrets", "files": files}
    what = "variables, and secrets from files that `--secrets` writes."
    yield f"overlays/{name}/settings", {"what": what, "resources": ["../../../base/settings"], **secret}
    whole: dict[str, object] = {"in_namespace": True, "resources": ["../../base", "settings"]}
    yield f"overlays/{name}", {"what": f"{name}; release.sh applies it after the migration.", **whole}
    if "migration" in parts:
        yield "base/migration", {"what": "the migration alone.", "resources": ["migration.yaml"]}
        whole = {"in_namespace": True, "resources": ["../../../base/migration", "../settings"]}
        yield f"overlays/{name}/migration", {"what": f"the migration of {name}, which release.sh runs first.", **whole}


def _timer_problems(subject: Subject) -> Iterator[tuple[str, str, str]]:
    app = subject.service.app
    for one in subject.service.schedules:
        try:
            cron(one.schedule)
        except ValueError as error:
            problem = f"{one.name}: a CronJob cannot have the schedule {one.schedule}: {error}"
            yield "timers", problem, "say it so that cron has it, or leave it out for this export"
        if len(f"{app}-{one.name}") > LONGEST_TIMER:
            problem = f"{app}-{one.name} is longer than a CronJob's name may be ({LONGEST_TIMER} characters)"
            yield "timers", problem, "give the timer a shorter name"
