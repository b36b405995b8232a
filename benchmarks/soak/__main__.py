"""`python -m benchmarks.soak MINUTES`: a soak, and its report. Exit status 1 when the checker finds a violation."""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.soak.checker import violations
from benchmarks.soak.faults import KINDS
from benchmarks.soak.history import About, History, read
from benchmarks.soak.report import report
from benchmarks.soak.run import possible, soak
from benchmarks.soak.schedule import planned
from benchmarks.soak.stage import DATABASE, EMULATED, Stage, stage
from homeport.errors import EXIT_INTERRUPTED, HomeportError
from tests import pace

REPOSITORY = Path(__file__).parents[2]
ARTEFACTS = REPOSITORY / "artefacts"
WAYS = {"nspawn": "systemd-nspawn", "qemu": "QEMU, with a kernel of its own"}


def main() -> int:
    """Soak, check, write the report; return the exit status."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.check:
        return _told(read(arguments.check), arguments.check.with_suffix(".md"))
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    print(f"soak: SEED={seed}", flush=True)
    if arguments.backend == "qemu":
        os.environ[pace.NAME] = f"{pace.measured() * EMULATED:.1f}"
    try:
        with stage(arguments.suite, arguments.backend) as the_stage:
            return _soaked(the_stage, seed, arguments)
    except HomeportError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _soaked(the_stage: Stage, seed: int, arguments: argparse.Namespace) -> int:
    began, kinds = datetime.now(UTC), possible(the_stage, arguments.faults)
    chosen = " BACKEND=qemu" if the_stage.has_own_kernel else ""
    if set(arguments.faults) != set(KINDS):
        chosen += f' FAULTS="{",".join(kinds)}"'
    about = About(
        date=f"{began:%Y-%m-%d %H:%M} UTC",
        seed=seed,
        command=f"make soak MINUTES={arguments.minutes:g} SEED={seed}{chosen}",
        computer=f"{os.cpu_count()} processors, Linux {platform.release()}",
        machine=f"{WAYS[the_stage.host.backend]}, {the_stage.host.suite}, the notes example behind Nginx",
        left_out=tuple(kind for kind in KINDS if kind not in kinds),
        database=durability((the_stage.project.app / DATABASE).read_text(), own_kernel=the_stage.has_own_kernel),
    )
    file = ARTEFACTS / f"soak-{began:%Y%m%d-%H%M}-{seed}"
    ARTEFACTS.mkdir(exist_ok=True)
    with file.with_suffix(".jsonl").open("w") as lines:
        history = soak(the_stage, planned(seed, kinds), arguments.minutes * 60, lines, about)
    file.with_suffix(".journal.txt").write_text(the_stage.journal())
    return _told(history, file.with_suffix(".md"))


def _told(history: History, file: Path) -> int:
    """Print the report of a history, and write it to a file; return the exit status."""
    found = violations(history)
    text = report(history, found)
    file.write_text(text)
    print(text)
    print(f"soak: written to {file}; the history, and the machine's journal, are beside it", file=sys.stderr)
    return 1 if found else 0


def durability(source: str, *, own_kernel: bool) -> str:
    """Return how the sample's database keeps what was acknowledged, as its code says."""
    said = dict(re.findall(r"PRAGMA (journal_mode|synchronous) = (\w+)", source))
    modes = (
        f"SQLite, journal_mode {said.get('journal_mode', 'DELETE')}, synchronous {said.get('synchronous', 'FULL')}: "
    )
    if own_kernel:
        return f"{modes}a cut of power loses what the machine's kernel has not written yet, as a real one does"
    return (
        f"{modes}a cut of power of a machine in namespaces ends its processes, and leaves what the kernel has not "
        "written yet; with NORMAL a real cut may lose the last transactions before it, which is not shown here"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "minutes", type=float, nargs="?", default=10.0, help="how long faults are brought about (%(default)s)"
    )
    parser.add_argument("--seed", type=int, help="repeats a choice of faults; printed when it is left out")
    parser.add_argument(
        "--faults", type=_kinds, default=list(KINDS), help=f"these alone, with commas: {', '.join(KINDS)}"
    )
    parser.add_argument("--suite", choices=("bookworm", "trixie"), default="bookworm", help="Debian of the machine")
    parser.add_argument(
        "--backend", choices=tuple(WAYS), default="nspawn", help="qemu: a machine with a clock and a disk of its own"
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="look at an earlier soak's history again")
    return parser


def _kinds(text: str) -> list[str]:
    kinds = [kind.strip() for kind in text.split(",") if kind.strip()]
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(f"no kind of fault: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return kinds


if __name__ == "__main__":
    sys.exit(main())
