"""`make demo`: boots a machine, deploys an application to it over SSH, and asks it a question over HTTPS."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from homeport.errors import EXIT_INTERRUPTED, HomeportError, LabError
from homeport.lab import Lab, site
from homeport.lab.model import LabHost
from homeport.lab.qemu_choice import accelerator, architecture

# For a processor that is emulated in software, which needs minutes for what takes seconds elsewhere: with more than one
# worker, uvicorn's manager kills any that has not answered it after 5 s. Settings that are given come after these.
PATIENCE = ("workers=1", "health_timeout_seconds=600")


def main() -> int:
    """Run the demonstration; return 0, or the status of what failed, after a line that says what it was."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--app", type=Path, help="a git repository with a FastAPI application (default: the sample)")
    parser.add_argument("--data", action="append", default=[], help="further settings, as for pyinfra")
    options = parser.parse_args()
    try:
        return demonstrate(options.app, options.data)
    except HomeportError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def demonstrate(app: Path | None, data: list[str]) -> int:
    """Bring the lab up, deploy, and fetch a page; return the exit status of the deployment."""
    lab = Lab()
    _say("a machine of our own")
    host = lab.up().hosts[0]
    emulated = host.backend == "qemu" and accelerator(architecture()) == "tcg"
    command = pyinfra_command(host, app, [*(PATIENCE if emulated else ()), *data])
    _say(f"deploying to it over SSH: {' '.join(command)}")
    status = subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], check=False).returncode
    if status:
        return status
    _say("asking it")
    curl = site.curl(lab.context(), host)
    answer = subprocess.run(curl, capture_output=True, text=True, check=False)
    if answer.returncode:
        fix = f"try: {' '.join(curl)}"
        raise LabError(f"the site does not answer: {answer.stderr.strip()}", host=host.name, fix=fix)
    print(answer.stdout.splitlines()[0][:200] if answer.stdout else "(an empty answer)")
    url = site.url(lab.context(), host)
    print(f"\nIt is up:  {url}\nTry it:    {' '.join(curl)}\nEnd it:    .venv/bin/homeport lab down")
    return 0


def pyinfra_command(host: LabHost, app: Path | None, data: list[str]) -> list[str]:
    """Return the command that deploys `app` (None: the sample application) to `host`, as a user would type it."""
    if app is not None:
        data = [f"app_source={app.resolve()}", "app_subdirectory=", *data]
    settings = [word for value in data for word in ("--data", value)]
    return ["pyinfra", "inventories/lab.py", "deploy.py", "-y", "--limit", host.name, *settings]


def _say(text: str) -> None:
    print(f"\n==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
