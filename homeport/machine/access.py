"""Access to the machine: firewall and sshd. Their files are changed under the dead man's switch.

All applications on a machine share them, and `machine/scope.py` says which of them decides. What one wants that
has no record there yet (`access.json`) stays on until its next deploy.
"""

from __future__ import annotations

import json

from homeport.settings.firewall import rules
from homeport.state.paths import (
    FIREWALL_LOAD,
    FIREWALL_LOADED,
    FIREWALL_OPENINGS,
    FIREWALL_RULES,
    HOST_PROGRAM,
    PENDING_ACCESS,
    SSHD_DROP_IN,
    UNITS,
)
from homeport.state.wanted import Directory, File, Part, Unit
from homeport.steps.context import Context


def access(context: Context) -> Part:
    """Return firewall and sshd settings, and what brings them up at boot."""
    guarded = (*_firewall(context), *_sshd(context))
    shared = [file.path for file in guarded if file.path in (FIREWALL_RULES, SSHD_DROP_IN)]
    ours = {file.path for file in guarded}
    app, etc = context.settings.app_name, context.paths.etc
    return Part(
        packages=("nftables",) if FIREWALL_RULES in ours else (),
        directories=(
            Directory(etc),
            Directory(FIREWALL_OPENINGS),
            Directory(f"{UNITS}/nftables.service.d"),
        ),
        files=(
            *guarded,
            File(f"{etc}/access.json", json.dumps({"app": app, "shares": shared}) + "\n"),
            File(FIREWALL_LOAD, _load(context), mode=0o755),
            File(f"{UNITS}/homeport-access.service", _unit(context), file_set="systemd"),
            File(
                f"{UNITS}/nftables.service.d/homeport.conf",
                context.render("firewall/nftables.service.d-homeport.conf", load=FIREWALL_LOAD),
                file_set="systemd",
            ),
        ),
        withdrawn=tuple(path for path in (_openings(context), FIREWALL_RULES, SSHD_DROP_IN) if path not in ours),
        units=(Unit("homeport-access.service"),),
    )


def _openings(context: Context) -> str:
    return f"{FIREWALL_OPENINGS}/{context.settings.app_name}.nft"


def _firewall(context: Context) -> tuple[File, ...]:
    settings = context.settings
    if not settings.firewall and not settings.openings:
        return ()
    text = context.render("firewall/open.nft", app=settings.app_name, rules=rules(settings.openings))
    # Without a firewall of its own, it may share the one of another application.
    mine = File(_openings(context), text, file_set="access")
    if not settings.firewall:
        return (mine,)
    text = context.render("firewall/homeport.nft", ssh_ports=context.machine.ssh_ports, openings=FIREWALL_OPENINGS)
    return mine, File(FIREWALL_RULES, text, file_set="access")


def _sshd(context: Context) -> tuple[File, ...]:
    if not context.settings.sshd_hardening or not context.machine.has_sshd:
        return ()
    text = context.render("ssh/sshd.conf", root_login=context.machine.root_login)
    return (File(SSHD_DROP_IN, text, file_set="access"),)


def _load(context: Context) -> str:
    return context.render("firewall/load", rules=FIREWALL_RULES, loaded=FIREWALL_LOADED)


def _unit(context: Context) -> str:
    return context.render(
        "firewall/homeport-access.service", load=FIREWALL_LOAD, pending=PENDING_ACCESS, host_program=HOST_PROGRAM
    )
