"""Every setting of homeport, with its type, its bounds, its unit (in the name) and what it is for.

This model is the single source of the defaults: `group_data/all.py` and docs/settings.md are checked against it. It
decides nothing beyond "is this value allowed"; it never looks at a host or at a file.
"""

from __future__ import annotations

import posixpath
from typing import Self

from pydantic import ConfigDict, field_validator, model_validator

from homeport.host.system.site_names import STAR, covers
from homeport.servers import ServerChoice, problems
from homeport.settings.application import ApplicationSettings
from homeport.settings.container import ContainerSettings
from homeport.settings.edges import EdgeSettings
from homeport.settings.machine import MachineSettings
from homeport.settings.mounts import MountSettings, mount_problem
from homeport.settings.previews import PreviewSettings
from homeport.settings.proxy import lacking, too_many_limits, unsupported
from homeport.settings.proxy_protocol import two_sources
from homeport.settings.releases import ReleaseSettings
from homeport.settings.serving import ServingSettings
from homeport.settings.site import SiteSettings, unproven
from homeport.settings.static import StaticSettings
from homeport.settings.supervision import unsupervised
from homeport.settings.variables import check_variable


class Settings(
    ContainerSettings,
    MachineSettings,
    PreviewSettings,
    StaticSettings,
    MountSettings,
    EdgeSettings,
    SiteSettings,
    ServingSettings,
    ReleaseSettings,
    ApplicationSettings,
):
    """All settings of one application on one host. Immutable; made by `homeport.settings.loading.load`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @field_validator(
        "python_version",
        "worker_timeout_seconds",
        "max_requests",
        "worker_lifetime_seconds",
        "memory_max_megabytes",
        "reboot_time",
        "journal_max_megabytes",
        "swap_megabytes",
        "secrets_file",
        "migrate_command",
        "migrate_on",
        "release",
        "acme_email",
        "former_domain",
        "base_image",
        "build_image",
        "image_name",
        "image_pull_secret",
        "cpu_weight",
        "cpu_max",
        "replicas_max",
        "state_volume_megabytes",
        "cluster_namespace",
        "proxy_protocol",
        mode="before",
    )
    @classmethod
    def _none_from_text(cls, value: object) -> object:
        # `--data acme_email=None` arrives as text.
        return None if value == "None" else value

    @field_validator("app_name")
    @classmethod
    def _name_is_not_reserved(cls, value: str) -> str:
        if value == "homeport":
            raise ValueError("must not be homeport, the name of homeport's own folders")
        if value.endswith("-migrate"):
            raise ValueError("must not end in -migrate, the name of migration units")
        return value

    @field_validator("python_version")
    @classmethod
    def _python_is_supported(cls, value: str | None) -> str | None:
        # A number loses its last zero before we see it: 3.10 arrives as 3.1.
        if value and int(value.split(".")[1]) < 8:
            raise ValueError("must be 3.8 or newer; in group data write it in quotes, with --data as '\"3.10\"'")
        return value

    @field_validator("workers")
    @classmethod
    def _at_least_one_worker(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 256:
            raise ValueError('must be "auto" or a number from 1 to 256')
        return value

    @field_validator("environment", "preview_environment")
    @classmethod
    def _environment_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            check_variable(name, content)
        return value

    @field_validator("app_subdirectory")
    @classmethod
    def _folder_is_inside(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError("must be a folder inside the repository")
        return "" if posixpath.normpath(value) == "." else posixpath.normpath(value)

    @model_validator(mode="after")
    def _values_fit_together(self) -> Self:
        if self.port_blue == self.port_green:
            raise ValueError("port_green must differ from port_blue")
        if self.build_commands and not self.release_include:
            raise ValueError("release_include must name the files that build_commands make")
        if self.build_image and not self.build_commands:
            raise ValueError("build_image is where build_commands run, and there are none")
        for name in self.timers:
            if name in self.processes:
                raise ValueError(f"timers must not have the name of a process ({name})")
        if both := sorted(set(self.environment) & set(self.secrets_from_environment)):
            raise ValueError(f"secrets_from_environment and environment must not both contain {both[0]}")
        if self.standby and self.switch == "restart":
            raise ValueError(
                'standby needs memory for two releases, and `switch = "restart"` is for machines without it'
            )
        if both := sorted({*self.environment, *self.secrets_from_environment} & set(self.install_secrets)):
            raise ValueError(f"install_secrets must not contain a variable that the application gets ({both[0]})")
        if problem := next(problems(self.server_choice, self.workers), None):
            raise ValueError(problem)
        if problem := unsupported(self.proxy, self.response_headers_kilobytes, self.served):
            raise ValueError(problem)
        if problem := unsupervised(
            self.supervisor,
            timers=self.timers,
            state_paths=self.state_paths,
            oom_policy=self.oom_policy,
            sandbox_proc=self.sandbox_proc,
        ):
            raise ValueError(problem)
        if self.replicas_max is not None and self.replicas_max <= self.replicas:
            raise ValueError("replicas_max must be more than replicas")
        if len(set(self.domains)) < len(self.domains):
            raise ValueError("domain_aliases must not repeat domain or one another, nor may served_domains")
        if problem := unproven(self.domains, by_dns=self.acme_dns_plugin is not None, provided=self.tls == "files"):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _edges_fit(self) -> Self:
        if self.health_path.partition("?")[0] in self.redirects:
            raise ValueError("redirects must not have health_path, which would not tell of the application any more")
        if both := sorted({at for at in self.spa if at != "/"} & set(self.redirects)):
            raise ValueError(f"redirects must not have {both[0]}, which spa redirects to {both[0]}/")
        variables = {*self.environment, *self.secrets_from_environment, *self.install_secrets}
        if both := sorted(variables & set(self.basic_auth.values())):
            raise ValueError(f"basic_auth must not name a variable that is for something else ({both[0]})")
        for path in self.path_settings:
            if at := next((one.at for one in self.served if one.at != "/" and f"{path}/".startswith(f"{one.at}/")), ""):
                raise ValueError(f"path_settings must not have {path}, which is served as files below {at}")
        for problem in (
            too_many_limits(self.proxy, len(self.rate_limits)),
            two_sources(self.proxy, self.proxy_protocol, self.trusted_proxies),
        ):
            if problem:
                raise ValueError(problem)
        if self.balancers and self.balancers.port in (self.port_blue, self.port_green):
            raise ValueError("proxy_protocol must not have the port of a slot (port_blue, port_green)")
        return self

    @model_validator(mode="after")
    def _proxy_has_them(self) -> Self:
        if problem := mount_problem(dict(self), self.differing) or lacking(self.proxy, self.differing):
            raise ValueError(problem)
        return self

    @property
    def differing(self) -> list[str]:
        """The settings that have another value than their default."""
        given, fields = dict(self), type(self).model_fields
        defaults = {name: fields[name].get_default(call_default_factory=True) for name in self.model_fields_set}
        return [name for name in fields if name in defaults and given[name] != defaults[name]]

    @property
    def public_health_path(self) -> str:
        """The health path as a visitor asks for it."""
        return f"{self.mount_path or ''}{self.health_path}"

    @property
    def url(self) -> str:
        """The address of the site, or of the part of it that is the application's."""
        return f"https://{self.domain}{self.mount_path or ''}/"

    @property
    def server_choice(self) -> ServerChoice:
        """The server, with the settings that not every server has."""
        return ServerChoice(
            self.server,
            self.worker_timeout_seconds,
            self.max_requests,
            self.worker_lifetime_seconds,
            self.server_preload,
        )

    @property
    def domains(self) -> tuple[str, ...]:
        """All names of the site, the canonical one first."""
        return (self.domain, *self.served_domains, *self.domain_aliases)

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """The names that an authority is asked for: one that a star of them stands for already, it refuses."""
        stars = [name for name in self.domains if name.startswith(STAR)]
        return tuple(name for name in self.domains if name in stars or not any(covers(one, name) for one in stars))
