"""`make test` prepares the machine with this, so that what takes minutes shows what it is doing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import get_args

from homeport.errors import HomeportError
from homeport.lab import Lab
from homeport.lab.model import LabDirectory, Suite


def main() -> int:
    """Install what the lab needs and build its images; return 0, or the status of what is missing, in one line."""
    with tempfile.TemporaryDirectory(prefix="homeport-") as directory:
        lab = Lab(LabDirectory(Path(directory) / "lab"))
        try:
            context = lab.start_services()
            if lab.way.backend == "nspawn":
                for suite in get_args(Suite):
                    lab.prepare(suite, "nspawn", context)
            lab.prepare("bookworm", "qemu", context)
        except HomeportError as error:
            print(f"error: {error}; 'make test-fast' runs the tests that need no machine", file=sys.stderr)
            return error.exit_status
        finally:
            lab.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
