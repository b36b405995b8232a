"""What each command of the host program does: parsed options in, exit status out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from ..release import deploy_hold
from ..release.request import DeployRequest
from ..system import lock, output, transient_unit
from ..system.layout import Layout, MachineLayout

# No, to a unit that asks whether it may start (templates/systemd/condition.conf); 1 and 2 are failures of the question.
NO = 3


def start(options: argparse.Namespace, given: list[str]) -> int:
    """Bring a release up; with `--commit` make it the live one then, unless its run has ended meanwhile."""
    from ..release.starting import start

    def work(layout: Layout, release: str, by: str) -> None:
        request = DeployRequest(by, options.rollback, options.again, options.commit)
        start(layout, release, request)
        if options.commit:
            from ..release.committing import commit

            commit(layout, release, request)

    return alone(options, given, work)


def commit(options: argparse.Namespace, given: list[str]) -> int:
    """Make a started release the live one."""
    from ..release.committing import commit

    def work(layout: Layout, release: str, by: str) -> None:
        commit(layout, release, DeployRequest(by, options.rollback, options.again))

    return alone(options, given, work)


def record_usage(options: argparse.Namespace, given: list[str]) -> int:
    """Write down how much of the machine is used."""
    from ..reports import usage_record

    usage_record.record(MachineLayout())
    return 0


def expire(options: argparse.Namespace, given: list[str]) -> int:
    """Stop a release that was started and never made live."""
    from ..release.starting import expire

    return alone(options, given, expire, despite_hold=True)


def alone(
    options: argparse.Namespace,
    given: list[str],
    work: Callable[[Layout, str, str], None],
    *,
    despite_hold: bool = False,
) -> int:
    """Do `work` on a release, in a unit of its own and alone; while deploys are held by hand only `despite_hold`."""
    if not options.in_unit:
        return transient_unit.run(options.action, options.app, given)
    output.outlive_the_listener()
    output.copy_to_journal(options.app)
    layout = Layout(options.app)
    holder = {"action": options.action, "release": options.release, "by": options.by}
    with lock.held(layout.lock, holder, options.lock_wait):
        if not despite_hold:
            deploy_hold.refuse(layout)
        work(layout, options.release, options.by)
    return 0


def wait_healthy(options: argparse.Namespace, given: list[str]) -> int:
    """Wait until the slot's application is healthy."""
    from ..services import health
    from ..services.release_description import Health

    wanted = Health(options.path, options.status, options.successes, options.timeout)
    main_pid = int(options.main_pid or 0)
    return health.wait(options.port, wanted, health.site_name(Layout(options.app)), main_pid)


def may_run(options: argparse.Namespace, given: list[str]) -> int:
    """Tell whether the slot may run."""
    from ..release import slots, state_paths

    if slots.may_run(layout := Layout(options.app), options.slot):
        state_paths.ensure_again(layout, options.slot)
        return 0
    output.say(f"homeport: slot {options.slot} is not live; 'homeport-host start' starts a release beside the live one")
    return NO


def is_live(options: argparse.Namespace, given: list[str]) -> int:
    """Tell whether the slot is the live one."""
    from ..release import slots

    if slots.is_live(Layout(options.app), options.slot):
        return 0
    output.say(f"homeport: slot {options.slot} is not live; this unit runs only beside the live release")
    return NO


def status(options: argparse.Namespace, given: list[str]) -> int:
    """Print what runs, as JSON."""
    from ..reports.status import status

    output.say(json.dumps(status(Layout(options.app)), indent=2))
    return 0


def facts(options: argparse.Namespace, given: list[str]) -> int:
    """Print what a deploy must know, a line each."""
    from ..reports.deploy_facts import facts

    for row in facts(Layout(options.app), options.keep, options.pin, options.coming):
        print("\t".join(map(str, row)))
    return 0


def contents(options: argparse.Namespace, given: list[str]) -> int:
    """Print the files of a release, a line each."""
    from ..release.contents import files

    for line in files(Layout(options.app), options.release):
        print(*line)
    return 0


def prune(options: argparse.Namespace, given: list[str]) -> int:
    """Remove what is no longer kept."""
    from ..release.pruning import prune

    output.outlive_the_listener()
    layout = Layout(options.app)
    with lock.held(layout.lock, {"action": "prune", "release": "all"}, options.lock_wait):
        prune(layout, options.keep, options.pin, dry_run=options.dry_run, leftover_seconds=options.leftover_age)
    return 0


def reload_proxy(options: argparse.Namespace, given: list[str]) -> int:
    """Have the proxy serve what is on the disk."""
    from ..proxies.chosen import proxy_of

    output.outlive_the_listener()
    proxy_of(MachineLayout(), options.proxy).reload(MachineLayout())
    return 0


def renew(options: argparse.Namespace, given: list[str]) -> int:
    """Renew the certificates of all applications that are due."""
    from ..proxies import renewal

    renewal.renew(MachineLayout())
    return 0


def stamp_proxy(options: argparse.Namespace, given: list[str]) -> int:
    """Remember what the proxy reads."""
    from ..proxies.chosen import proxy_of

    proxy_of(MachineLayout(), options.proxy).stamp(MachineLayout(), options.moment)
    return 0
