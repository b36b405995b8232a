"""Commands that follow upgrades of the machine's packages. Options in, exit status out."""

from __future__ import annotations

import argparse

from ..system import file_errors, output, transient_unit
from ..system.layout import MachineLayout
from ..system.output import HostError, say

SERVICE = "homeport-use-upgrades@proxy.service"
BY = "an upgrade of the system"
# For whoever has the application's lock for a moment, as pruning does.
WAIT_SECONDS = "60"


def package_run(options: argparse.Namespace, given: list[str]) -> int:
    """Have packages leave the proxy alone while apt installs, and begin to replace it afterwards."""
    from ..proxies import upgrading
    from ..proxies.chosen import proxy_of
    from ..services import units

    if options.moment == "begin":
        upgrading.begin(MachineLayout())
        return 0
    upgrading.end()
    if proxy_of(MachineLayout()).outdated():
        # apt is not kept waiting for connections to end.
        units.run_checked("systemctl", "start", "--no-block", SERVICE)
    return 0


def use_upgrades(options: argparse.Namespace, given: list[str]) -> int:
    """Have the proxy, and of `all` the applications too, run what is on the disk; nothing where they do."""
    from ..proxies import upgrading
    from ..release import outdated

    machine, statuses = MachineLayout(), []
    try:
        upgrading.upgrade(machine)
    except (HostError, OSError) as error:
        output.complain(file_errors.explained(error), "homeport-host")
        statuses.append(1)
    for app, paths in (outdated.applications(machine) if options.what == "all" else {}).items():
        say(f"{app} runs files that an upgrade has replaced: {', '.join(paths)}")
        # The manager of the workers has them too, so that workers alone would not do.
        statuses.append(
            transient_unit.run(
                "restart", app, ["restart", "--app", app, "--new-slot", "--lock-wait", WAIT_SECONDS, "--by", BY]
            )
        )
    return 1 if any(statuses) else 0
