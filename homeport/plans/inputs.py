"""Everything that a run is given, read on this machine before any connection is used: settings, source, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeport.certificates.provided import load_certificate, load_dns_credentials, load_dns_requirements
from homeport.controller import identity
from homeport.errors import UsageError
from homeport.inventory.migrating_host import Fleet, migrating_host
from homeport.secrets.loading import load_secrets
from homeport.settings import Settings
from homeport.settings.loading import load
from homeport.source import Source, read_source
from homeport.source.building import built
from homeport.source.exporting import exported
from homeport.source.required_variables import unset_variables
from homeport.source.resolved_versions import resolved
from homeport.source.served_files import check_served
from homeport.source.state_places import check_state_places
from homeport.source.tree_contents import some
from homeport.steps.context import Context


def read_inputs(data: Mapping[str, Any], host: str, project: Path, fleet: Fleet) -> Context:
    """Return what the steps of `host`, one of the `fleet`, are given, for a machine that is not known yet.

    `data` is the host's pyinfra data, `project` the folder that paths are relative to. Raises UsageError for
    settings, a source or secrets that are wrong.
    """
    settings = load(data, host)
    overrides = project / "overrides"
    source, secrets = built(read_source(settings, project), settings), load_secrets(settings, project, host)
    check_served(source, settings)
    check_state_places(source, settings)
    upgrade = settings.upgrade_dependencies
    if settings.preview:
        _check_variables(settings, source, secrets.application)
    # A preview has the versions that its owner has.
    name = settings.preview.of if settings.preview else settings.app_name
    source = resolved(exported(source), project, name, secrets.installation, upgrade=upgrade)
    return Context(
        settings=settings,
        source=source,
        secrets=secrets.application,
        install_secrets=secrets.installation,
        proxy_secrets=secrets.proxy,
        certificate=load_certificate(settings, project, host),
        dns_credentials=load_dns_credentials(settings, project, host),
        dns_requirements=load_dns_requirements(settings, project, host),
        overrides=overrides if overrides.is_dir() else None,
        by=identity.by(),
        # On each machine a preview has a database of its own.
        migrates=settings.preview is not None or migrating_host(settings, fleet) == host,
    )


def _check_variables(settings: Settings, source: Source, secrets: Mapping[str, str]) -> None:
    """Raise UsageError for variables that a preview needs and has not: production's secrets do not come along."""
    unset = unset_variables(source.texts(), (*settings.environment, *secrets))
    for path, names in unset.items():
        raise UsageError(
            f"{path} has no default for {some(names, 8)}, and a preview gets none of production's secrets",
            key="preview_environment",
            fix="set it there, or in preview_secrets_file",
        )
