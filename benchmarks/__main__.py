"""`python -m benchmarks`: measures, and writes RESULTS.md. Exit status 1 when a part could not be measured."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.report import report
from benchmarks.stage import stage
from benchmarks.suite import Options, Suite
from homeport.errors import EXIT_INTERRUPTED, HomeportError

REPOSITORY = Path(__file__).parents[1]


def main() -> int:
    """Measure everything and write the report; return the exit status."""
    arguments = _parser().parse_args()
    options = Options(
        arguments.rounds, arguments.repeats, arguments.fleet, arguments.loads, arguments.minutes, arguments.qemu
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with stage() as the_stage:
            results = Suite(the_stage, options).run()
    except HomeportError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    arguments.output.write_text(report(results, options, _commit()))
    print(f"bench: written to {arguments.output}", file=sys.stderr)
    return 1 if results.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=Options.rounds, help="first provisions each (%(default)s)")
    parser.add_argument("--repeats", type=int, default=Options.repeats, help="runs without changes (%(default)s)")
    parser.add_argument("--fleet", type=int, default=Options.fleet, help="hosts at once; 0: leave out (%(default)s)")
    parser.add_argument(
        "--loads", type=int, default=Options.loads, help="loads on each proxy; 0: leave out (%(default)s)"
    )
    parser.add_argument("--minutes", type=float, default=Options.minutes, help="begin no round after (%(default)s)")
    parser.add_argument("--qemu", action="store_true", help="boot a QEMU machine, too (slow)")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    return parser


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
