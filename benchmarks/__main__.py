"""`python -m benchmarks`: measures, and writes RESULTS.md. Exit status 1 when a part could not be measured."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.report import report
from benchmarks.results import Options
from benchmarks.stage import stage
from benchmarks.suite import PARTS, measure
from homeport.errors import EXIT_INTERRUPTED, HomeportError

REPOSITORY = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("RESULTS.md")
NUMBERS: dict[str, tuple[type, str]] = {
    "rounds": (int, "first provisions each"),
    "repeats": (int, "runs without changes, and fresh hosts"),
    "peers": (int, "of the runs without changes, how many have the peers beside them; 0: leave out"),
    "releases": (int, "releases each"),
    "several": (int, "hosts provisioned at once; 0: leave out"),
    "fleet": (int, "runs without changes against many hosts"),
    "loads": (int, "loads on each proxy; 0: leave out"),
    "minutes": (float, "begin no further round after"),
}


def main() -> int:
    """Measure everything and write the report; return the exit status."""
    arguments = _parser().parse_args()
    given = {name: value for name, value in vars(arguments).items() if name != "output"}
    options = Options(**given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with stage() as the_stage:
            results = measure(the_stage, options)
    except HomeportError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    text = report(results, options, _commit())
    # Some parts are no RESULTS.md.
    target: Path | None = arguments.output or (None if options.only else RESULTS)
    if target is None:
        print(text)
    else:
        target.write_text(text)
        print(f"bench: written to {target}", file=sys.stderr)
    return 1 if results.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=_parts, default=frozenset(), help=f"of these parts: {','.join(PARTS)}")
    for name, (kind, meaning) in NUMBERS.items():
        default = getattr(Options, name)
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{meaning} (%(default)s)")
    parser.add_argument("--qemu", action="store_true", help="boot a QEMU machine, too (slow)")
    parser.add_argument("--output", type=Path, help="a file (RESULTS.md; with --only the terminal)")
    return parser


def _parts(text: str) -> frozenset[str]:
    parts = frozenset(text.split(","))
    if unknown := parts.difference(PARTS):
        raise argparse.ArgumentTypeError(f"no part: {', '.join(sorted(unknown))}")
    return parts


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
