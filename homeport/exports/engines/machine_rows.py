"""The rows of the table "setting × ground" of the machine: an export has mostly nothing for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.exports.engines.cells import Cell, kept, nothing, row
from homeport.settings.previews import PreviewSettings

_MACHINE = nothing("the machine is not homeport's here")
_PREVIEW = nothing("previews are made on homeport's machines alone")

MACHINE_ROWS: Mapping[str, Mapping[str, Cell]] = {
    "apt_lock_timeout_seconds": row(_MACHINE),
    "minimum_free_megabytes": row(_MACHINE),
    "outbound": row(nothing("nothing is fetched by a machine of homeport's")),
    "outbound_private": row(nothing("see `outbound`")),
    "take_over": row(_MACHINE),
    "take_machine": row(_MACHINE),
    **{name: row(_PREVIEW) for name in PreviewSettings.model_fields},
    "proxy": row(
        nothing("a container has no proxy"),
        nothing("it is for the proxy that you put before the port"),
        nothing("Caddy stands before the application"),
        nothing("an ingress controller stands before the application"),
    ),
    "proxy_protocol": row(_MACHINE),
    "replace_proxy": row(_MACHINE),
    "security_upgrades": row(_MACHINE),
    "reboot_time": row(_MACHINE),
    "journal_max_megabytes": row(_MACHINE),
    "log_rotation": row(_MACHINE, _MACHINE, kept("three files of 10 MB a service, whatever is set"), _MACHINE),
    "usage_record": row(_MACHINE),
    "time_synchronisation": row(_MACHINE),
    "kernel_hardening": row(_MACHINE),
    "swap_megabytes": row(_MACHINE),
    "firewall": row(_MACHINE, _MACHINE, nothing("Docker opens the ports that a service publishes by itself"), _MACHINE),
    "firewall_open": row(_MACHINE),
    "firewall_close": row(_MACHINE),
    "sshd_hardening": row(_MACHINE),
    "sshd_close": row(_MACHINE),
    "lockout_timeout_seconds": row(_MACHINE),
}
