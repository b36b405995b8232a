"""What a running site goes through without losing a request: each setting that can be changed, and each routine.

Plain data: `tests/test_routine_rows.py` holds it to the settings' own definition, so that a new setting needs a row
here, or a reason why it has none, and to the table of docs/releases.md. `tests/lab/test_routines.py` goes through the
rows under load. Rows of a group are put through in one deploy, and one by one where that has lost a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homeport.settings.previews import PreviewSettings
from tests.lab.load import KEEP_ALIVE_POST, WEBSOCKET, Failure

# Runs in each `make test`; the other groups are sampled.
CORE = ("site", "machine")
# Has Nginx reloaded, which waits for a minute where an HTTP/2 connection or a WebSocket is open: `make test` has none.
RELOADING = (
    *("standby", "site", "files", "TLS profile", "names", "provided certificate", "ports", "load balancers"),
    *("renewal at once", "renewal", "rollback", "neighbour"),
)
# Where one of the reloads is in haste, and closes for a second.
IN_HASTE = ("rollback", "neighbour")
NEEDED = ("gunicorn", "uvicorn-worker", "granian")


@dataclass(frozen=True)
class Row:
    """One routine. `settings` are what a deploy changes, by name; `also` names those that are changed by other means.

    `costs` says what clients lose, as the documents do, and `lost` is a pattern of how their clients tell of it; ""
    stands for nothing at all. `needs` are dependencies that the application has to have.
    """

    name: str
    group: str
    settings: Mapping[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    costs: str = ""
    lost: str = ""
    needs: tuple[str, ...] = ()

    def allows(self, failure: Failure) -> bool:
        """Tell whether a failure is what the row says that it costs."""
        return bool(self.lost) and re.fullmatch(self.lost, f"{failure.kind}: {failure.reason}", re.DOTALL) is not None


def _rows(group: str, *rows: tuple[str, Mapping[str, object]]) -> tuple[Row, ...]:
    return tuple(Row(name, group, settings) for name, settings in rows)


SETTINGS: tuple[Row, ...] = (
    *_rows(
        "release",
        ("environment variables", {"environment": {"CHANGED": "yes"}}),
        ("number of workers", {"workers": 3, "worker_memory_megabytes": 150}),
        ("access log", {"access_log": True}),
        ("health and watching", {"health_path": "/health?deep=1", "health_timeout_seconds": 50, "health_successes": 3}),
        ("time to stop", {"watch_seconds": 2, "drain_timeout_seconds": 3, "stop_timeout_seconds": 20}),
        ("secrets", {"secrets_file": "secrets.env"}),
        ("pruning", {"keep_releases": 2, "pinned_releases": ()}),
    ),
    *_rows(
        "resources",
        ("memory", {"memory_max_megabytes": 700, "oom_policy": "stop"}),
        ("processors", {"cpu_weight": 200, "cpu_max": 1.5}),
    ),
    *_rows(
        "sandbox",
        ("network", {"sandbox_network": "local"}),
        ("files", {"sandbox_writable_paths": ("/var/tmp",), "sandbox_devices": ("/dev/null",)}),
        ("files beside the code", {"state_paths": ("uploads", "log.txt")}),
        ("processes of others", {"sandbox_proc": "own", "sandbox_jit": True}),
    ),
    *_rows(
        "processes",
        ("processes", {"processes": {"beat": "sleep infinity"}}),
        ("timers", {"timers": {"digest": {"command": "true", "schedule": "daily"}}}),
        ("commands before a start", {"before_start": ("true",)}),
        (
            "hooks",
            {"hooks_before_migration": ("true",), "hooks_after_live": ("true",), "hooks_on_failure": ("true",)},
        ),
    ),
    *_rows(
        "migration",
        (
            "migration",
            {
                "migrate_command": ("alembic upgrade head",),
                "migrate_timeout_seconds": 200,
                "migration_rehearsal": True,
            },
        ),
    ),
    Row("uvicorn", "uvicorn", {"server": "uvicorn", "worker_timeout_seconds": 20}),
    Row("gunicorn", "gunicorn", {"server": "gunicorn", "server_preload": True, "max_requests": 10**6}, needs=NEEDED),
    Row(
        "granian",
        "granian",
        {"server": "granian", "worker_lifetime_seconds": 3600},
        costs="a WebSocket of granian's ends without a close frame (1006), and what is on its way on it",
        lost="WebSocket: ConnectionClosed.*",
        needs=NEEDED,
    ),
    *_rows("standby", ("standby", {"standby": True})),
    Row(
        "restarting switch",
        "restarting switch",
        {"switch": "restart"},
        costs="requests wait (`hold_seconds`); a WebSocket ends with the old release",
        lost=f"{WEBSOCKET}: .*",
    ),
    *_rows(
        "site",
        ("bodies and headers", {"client_max_body_megabytes": 3, "response_headers_kilobytes": 16}),
        ("waiting for an answer", {"proxy_read_timeout_seconds": 50, "maintenance_retry_seconds": 100}),
        ("waiting for the application", {"hold_seconds": 15}),
        ("a path of its own", {"path_settings": {"/notes": {"client_max_body_megabytes": 3, "streamed": True}}}),
        (
            "HSTS and headers",
            {
                "hsts_seconds": 31536000,
                "hsts_subdomains": True,
                "hsts_preload": True,
                "response_headers": {"X-Changed": "yes"},
            },
        ),
        ("redirects", {"redirects": {"/old": "/new"}}),
        ("rate limits", {"rate_limits": {"/": {"rate": "1000/second", "burst": 1000}}}),
        ("who may visit", {"allow_from": ("0.0.0.0/1", "128.0.0.0/1"), "trusted_proxies": ("192.0.2.0/24",)}),
    ),
    *_rows(
        "files",
        ("static folder", {"static": {"/files": "files"}}),
        ("page for errors", {"error_page": "files/error.html"}),
        ("frontend", {"spa": {"/app": "frontend"}, "api_paths": ("/notes", "/health", "/ws")}),
    ),
    *_rows("compression", ("compression", {"brotli": True})),
    *_rows("TLS profile", ("TLS profile", {"tls_profile": "modern"})),
    *_rows(
        "names",
        ("names that redirect", {"domain_aliases": ("www.{domain}",)}),
        ("names that are served", {"served_domains": ("shop.{domain}",)}),
        ("key of the certificate", {"acme_key_curve": "secp384r1"}),
    ),
    *_rows(
        "provided certificate",
        (
            "provided certificate",
            {"tls": "files", "tls_certificate_file": "tls/chain.pem", "tls_key_file": "tls/key.pem"},
        ),
    ),
    *_rows(
        "machine",
        ("packages", {"packages": ("bc",)}),
        ("upgrades and reboots", {"security_upgrades": False, "reboot_time": "03:30"}),
        ("logs", {"log_rotation": False, "journal_max_megabytes": 400, "usage_record": False}),
        ("clock, kernel, swap", {"time_synchronisation": False, "kernel_hardening": False, "swap_megabytes": None}),
        (
            "open ports",
            {"firewall_open": ("9100/tcp",), "firewall_close": ("9101/tcp",), "lockout_timeout_seconds": 90},
        ),
        ("sshd", {"sshd_hardening": False, "sshd_close": ()}),
    ),
    *_rows("firewall", ("firewall", {"firewall": False})),
    *_rows("load balancers", ("load balancers", {"proxy_protocol": "8443 from 192.0.2.0/24"})),
    Row("ports of the slots", "ports", also=("port_blue", "port_green")),
)
ROUTINES: tuple[Row, ...] = (
    Row("homeport restart", "restart"),
    Row("homeport restart --new-slot", "restart in the other slot"),
    Row("homeport scale", "scale"),
    Row(
        "homeport maintenance on, off",
        "maintenance",
        costs="all but the health path get 503 with Retry-After from on to off; no connection is cut",
        lost=f"{KEEP_ALIVE_POST}: StatusError: status 503 instead of 201",
    ),
    Row("homeport cert --renew", "renewal at once"),
    Row("a renewal by its timer", "renewal"),
    Row("homeport rollback", "rollback", also=("release", "accept_migrations")),
    Row("another application comes, changes and goes", "neighbour", also=("app_name",)),
    Row("homeport status, doctor, logs, releases, check", "questions"),
    Row("other dependencies", "dependencies", needs=("itsdangerous",)),
)
ROWS = (*SETTINGS, *ROUTINES)

_SAME = "a release has other files, which is what every release has: tests/lab/test_zero_loss.py"
_RUN = "it is about the run that deploys, and changes nothing that runs"
_PREVIEWS = "it is for previews alone, which come and go as other applications do: tests/lab/test_preview.py"
_EXPORT = "it is for exports alone"
_CERTIFICATE = "it says how the next certificate is got, and how that takes its place is `acme_key_curve`'s row"
WITHOUT: Mapping[str, str] = {
    **dict.fromkeys(
        ("app_source", "app_ref", "app_subdirectory", "app_entrypoint", "allow_dirty", "build_commands"), _SAME
    ),
    **dict.fromkeys(("build_environment", "release_include"), _SAME),
    **dict.fromkeys(
        ("requirements_file", "dependency_extras", "dependency_groups", "upgrade_dependencies", "install_secrets"),
        "a release has other dependencies: the row `other dependencies`",
    ),
    "python_version": "a release has another environment: the row `other dependencies`",
    "secrets_from_environment": "secrets come from elsewhere, and reach a release as those of `secrets_file` do",
    "migrate_on": "it says which of several machines migrates",
    "health_status": "it is what the application answers, so that it changes with the application",
    "domain": "visitors of the old name are led to the new one: the row `names that redirect`",
    "former_domain": "it is a word of consent for another `domain`",
    **dict.fromkeys(
        ("mounted_on", "mount_path"), "it is so from an application's first deploy on: tests/lab/test_edges.py"
    ),
    **dict.fromkeys(PreviewSettings.model_fields, _PREVIEWS),
    "basic_auth": "a visitor without the password is to be refused: tests/lab/test_edges.py",
    **dict.fromkeys(("acme_email", "acme_directory_url", "acme_profile", "acme_dns_plugin"), _CERTIFICATE),
    **dict.fromkeys(
        ("acme_dns_requirements_file", "acme_dns_credentials_file", "acme_dns_propagation_seconds"), _CERTIFICATE
    ),
    **dict.fromkeys(("apt_lock_timeout_seconds", "minimum_free_megabytes", "outbound", "outbound_private"), _RUN),
    **dict.fromkeys(("take_over", "take_machine", "lock_wait_seconds"), _RUN),
    **dict.fromkeys(
        ("proxy", "replace_proxy"),
        "another proxy cuts what is open, as docs/proxies.md says: tests/lab/test_other_proxies.py",
    ),
    "supervisor": "the other manager runs the next release, and no request is lost: tests/lab/test_supervisor.py",
    **dict.fromkeys(
        ("base_image", "build_image", "platforms", "image_name", "replicas", "replicas_max", "state_volume_megabytes"),
        _EXPORT,
    ),
    **dict.fromkeys(("cluster_namespace", "image_pull_secret", "ingress_class", "ingress_namespace"), _EXPORT),
}


def groups() -> list[str]:
    """Return the groups, in the order in which they are gone through."""
    return list(dict.fromkeys(row.group for row in ROWS))


def rows_of(group: str) -> list[Row]:
    """Return the rows of a group."""
    return [row for row in ROWS if row.group == group]


def united(rows: Iterable[Row], domain: str) -> dict[str, object]:
    """Return the settings of these rows together, for a site of this domain."""
    return {name: _of(value, domain) for row in rows for name, value in row.settings.items()}


def _of(value: object, domain: str) -> object:
    if isinstance(value, tuple):
        return tuple(one.format(domain=domain) if isinstance(one, str) else one for one in value)
    return value
