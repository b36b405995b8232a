"""The program that is sent to a host: it lists what there is to remove, or removes it.

Exit status as the host program's: 0 done, 1 failed with the cause in a line that starts with `error:`, 4 somebody else
is at work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..host.proxies.model.log_lines import site_names
from ..host.system import lock, output
from ..host.system.file_errors import explained
from ..host.system.output import HostError
from . import application, belongings, machine, safe_removal
from .steps import RemovalJob, perform, removal_job

# As homeport.pyinfra_support.answers has it: what a login shell prints stands before it.
MARK = "homeport-answer:"
# As homeport.host.machine.access has it.
PENDING = ".pending-access.json"


def main(given: dict[str, Any]) -> None:
    """Do what `given` says: `do` is look, application or machine; the rest is as `job_of` has it."""
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8", LANGUAGE="C")
    job = removal_job(given)
    if given["do"] == "look":
        print(f"\n{MARK}{json.dumps(look(job, with_machine=bool(given['machine'])))}")
        return
    output.outlive_the_listener()
    output.copy_to_journal(job.layout.app)
    try:
        _remove(job, str(given["do"]), float(given["wait_seconds"]))
    except HostError as error:
        output.complain(error, job.layout.app)
        sys.exit(error.exit_status)
    except OSError as error:
        output.complain(explained(error), job.layout.app)
        sys.exit(1)


def _remove(job: RemovalJob, what: str, wait_seconds: float) -> None:
    holder = {"action": "remove", "release": "", "by": job.by}
    with lock.held(job.layout.lock, holder, wait_seconds):
        if what == "application":
            for problem in application.problems(job):
                raise HostError(problem)
            perform(application.steps(job))
            return
        for problem in machine.problems(job):
            raise HostError(problem)
        perform(machine.steps(job))


def access_files(job: RemovalJob, *, with_machine: bool) -> list[Path]:
    """Return the files of firewall and sshd that are to be taken away.

    While a change of them waits for its confirmation, all of them: the host may be about to bring them back.
    """
    scope = [path for path in job.access if with_machine or path in job.application]
    if with_machine:
        scope = list(dict.fromkeys([*scope, *sorted((job.shared.sites / "firewall.d").glob("*.nft"))]))
    if (job.shared.sites / PENDING).exists():
        return scope
    return [path for path in scope if safe_removal.is_there(path)]


def look(job: RemovalJob, *, with_machine: bool) -> Mapping[str, Any]:
    """Return what would be removed and what would stay, in rows for people, and what keeps it from being removed."""
    access = access_files(job, with_machine=with_machine)
    steps = {"application": application.steps(job), "machine": machine.steps(job) if with_machine else ()}
    shown = set(map(str, access))
    rows = {name: [row for step in some for row in step.rows if row.what not in shown] for name, some in steps.items()}
    return {
        "access": [str(path) for path in access],
        **rows,
        "kept": [*application.kept(job), *(machine.kept(job) if with_machine else ())],
        "lost": list(machine.lost(job)) if with_machine else [],
        "others": [name for name in belongings.applications(job.shared) if name != job.layout.app],
        "domains": sorted(site_names(job.layout)),
        "problems": [*application.problems(job), *(machine.problems(job) if with_machine else ())],
    }
