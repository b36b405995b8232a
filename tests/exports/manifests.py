"""Manifests as a test reads them, and the judges that it has: the newest schema of Kubernetes, and Kustomize."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]
from kubernetes_validate import utils

from homeport.exports.engines import ENGINES, File
from tests.exports.subjects import subject
from tests.service.kept_units import Case

KUBERNETES = ENGINES["kubernetes"]
# Kinds of others, for which there is no schema here.
OTHERS = ("cert-manager.io/v1", "traefik.io/v1alpha1")
Manifest = dict[str, Any]
# It reads two files for each manifest, one of them of a megabyte.
utils.schema_contents = functools.cache(utils.schema_contents)
utils.all_versions = functools.cache(utils.all_versions)


def files(case: Case = Case(), **changed: Any) -> Mapping[str, File]:  # noqa: B008
    return KUBERNETES.files(subject(case, **changed))


def documents(text: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(text) if one is not None]


def plain(found: Mapping[str, File]) -> list[Manifest]:
    """Return all objects of the plain manifests."""
    return [one for path, file in found.items() if path.startswith("manifests/") for one in documents(file.text)]


def objects(case: Case = Case(), **changed: Any) -> dict[tuple[str, str], Manifest]:  # noqa: B008
    return {(one["kind"], one["metadata"]["name"]): one for one in plain(files(case, **changed))}


def mistakes(manifest: Manifest) -> list[str]:
    """Return what the newest schema that there is says of a manifest, unknown fields included."""
    if manifest["apiVersion"] in OTHERS:
        return []
    try:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.InvalidSchemaError) as error:
        return [str(error)]
    return []


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return what the pods of an object are made from; None for an object without."""
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: Manifest | None = spec.get("template", {}).get("spec")
    return found


def pods(case: Case = Case()) -> Iterator[tuple[str, Manifest]]:  # noqa: B008
    for (kind, name), one in objects(case).items():
        if (pod := pod_of(one)) is not None:
            yield f"{kind} {name}", pod


def kustomized(folder: Path) -> list[Manifest]:
    """Return the objects that Kustomize makes of a folder."""
    program = shutil.which("kubectl")
    assert program
    done = subprocess.run([program, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)
