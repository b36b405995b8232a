"""Hooks: a user's shell commands at the moments of a release.

Each runs in a transient unit of its own, so that its end is the end of all that it started, and its output is in the
journal. Nothing secret is on a command line: the release's variables come from its environment file.
"""

from __future__ import annotations

import os
import re

from ..system.layout import Layout
from ..system.output import say
from . import failures, units
from .release_description import Hook, Release

# How long a hook whose time is up may take to end, before it is killed.
STOP_SECONDS = 10
# For the application's user; root's hooks may do what root may.
SANDBOX = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectProc=invisible",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "RestrictSUIDSGID=yes",
    "RestrictNamespaces=yes",
    "InaccessiblePaths=-/root -/etc/letsencrypt -/etc/ssh",
    "UMask=0077",
)


def run(layout: Layout, release: Release, moment: str, *, previous: str | None, outcome: str) -> None:
    """Run the release's hooks for `moment` in their order; raise HostError, with the last lines, for one that fails.

    `previous` is the release that is or was live before it; `outcome` is what the release has come to: `migrating`,
    `live` or `failed`. The hooks after one that fails do not run.
    """
    for number, hook in enumerate(release.hooks.get(moment, ()), 1):
        shown = " ".join(hook.command.split())
        say(f"{layout.app}: hook {moment}: {shown}")
        unit = f"homeport-{layout.app}-hook-{os.getpid()}-{moment.replace('_', '-')}-{number}"
        variables = {"RELEASE": release.id, "PREVIOUS_RELEASE": previous or "", "OUTCOME": outcome}
        position = failures.cursor()
        done = units.run(*command_line(layout, release, hook, unit, variables))
        if done.returncode:
            problem = explain(done.stderr, hook.timeout_seconds)
            lines = failures.tail(failures.since(f"{unit}.service", position))
            raise failures.error(f"hook {moment} {problem}: {shown}", lines, layout.app)


def command_line(layout: Layout, release: Release, hook: Hook, unit: str, variables: dict[str, str]) -> list[str]:
    """Return the words that run `hook` to its end in the transient unit `unit`, with `variables` above all others."""
    words = ["systemd-run", "--wait", "--collect", f"--unit={unit}"]
    words += [f"--property={line}" for line in properties(layout, release, hook)]
    # env(1), not Environment=: the release's own variables must not hide these.
    words += ["--", "/usr/bin/env", *(f"{name}={value}" for name, value in variables.items())]
    # systemd replaces $NAME in the words of a command, and leaves specifiers of a transient one alone.
    return [*words, "/bin/sh", "-euc", hook.command.replace("$", "$$")]


def properties(layout: Layout, release: Release, hook: Hook) -> list[str]:
    """Return the unit's properties: who runs the hook, where, with which variables, and for how long at most."""
    code = layout.code_releases / release.id
    folders = f"{code}/.venv/bin:{code}/.homeport/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    common = [
        f"Description=Hook of {layout.app}, release {release.id}",
        f"RuntimeMaxSec={hook.timeout_seconds:g}",
        f"TimeoutStopSec={STOP_SECONDS}",
        f"WorkingDirectory={code}",
        f"Environment=PATH={folders} VIRTUAL_ENV={code}/.venv HOMEPORT_APP={layout.app} HOMEPORT_RELEASE={release.id}",
        f"Environment=HOMEPORT_IMPORT_PATH={':'.join(str(code / folder) for folder in release.import_folders)}",
        "Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NO_COLOR=1 TERM=dumb",
        f"EnvironmentFile={release.files / 'env'}",
    ]
    if hook.user == "root":
        # Not StateDirectory=, which would make the folder root's.
        return [*common, f"Environment=STATE_DIRECTORY={layout.state}"]
    user = [f"User={layout.app}", f"Group={layout.app}", f"StateDirectory={layout.app}", "StateDirectoryMode=0750"]
    mounts = [f"BindPaths=-{layout.state / path}:{code / path}" for path in release.state_folders]
    return [*common, *user, *SANDBOX, *mounts]


def explain(said: str, timeout_seconds: float) -> str:
    """Return how a hook failed, by what `systemd-run --wait` said of it."""
    result = re.search(r"result: (\S+)", said)
    ending = re.search(r"code=(\w+)[/,] ?status=(\w+)", said)
    if result and result[1] == "timeout":
        return f"took longer than {timeout_seconds:g} s (timeout_seconds) and was stopped"
    if ending:
        return f"failed (status {ending[2]})" if ending[1] == "exited" else f"failed (killed by SIG{ending[2]})"
    return f"could not be run ({' '.join(said.split()) or 'systemd-run said nothing'})"
