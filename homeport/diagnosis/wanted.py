"""The settings of a site that a diagnosis uses. Named here, so that it also works without the settings' model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class SiteSettings(Protocol):
    """The settings of `homeport.settings.Settings` by these names, as they mean there."""

    @property
    def app_name(self) -> str: ...  # noqa: D102
    @property
    def domain(self) -> str: ...  # noqa: D102
    @property
    def domains(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def health_path(self) -> str: ...  # noqa: D102
    @property
    def public_health_path(self) -> str: ...  # noqa: D102
    @property
    def mounted_on(self) -> str | None: ...  # noqa: D102
    @property
    def health_status(self) -> int: ...  # noqa: D102
    @property
    def allow_from(self) -> Collection[str]: ...  # noqa: D102
    @property
    def basic_auth(self) -> Collection[str]: ...  # noqa: D102
    @property
    def tls(self) -> str: ...  # noqa: D102
    @property
    def tls_profile(self) -> str: ...  # noqa: D102
    @property
    def acme_directory_url(self) -> str: ...  # noqa: D102
    @property
    def client_max_body_megabytes(self) -> int: ...  # noqa: D102
    @property
    def proxy_read_timeout_seconds(self) -> int: ...  # noqa: D102
    @property
    def response_headers_kilobytes(self) -> int: ...  # noqa: D102
    @property
    def minimum_free_megabytes(self) -> int: ...  # noqa: D102
    @property
    def api_paths(self) -> tuple[str, ...] | None: ...  # noqa: D102
    @property
    def outbound(self) -> str: ...  # noqa: D102
    @property
    def security_upgrades(self) -> bool: ...  # noqa: D102
