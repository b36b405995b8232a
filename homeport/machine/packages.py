"""The machine itself: Debian packages, homeport's own folders and its host program."""

from __future__ import annotations

from homeport.delivery.installed import files as host_program_files
from homeport.state.paths import HOST_LIBRARY, HOST_PROGRAM, UNITS
from homeport.state.wanted import Directory, File, Part
from homeport.steps.context import Context

# python3-venv: pip for homeport's tools; openssl: the placeholder certificate and reading the real one.
PACKAGES = ("ca-certificates", "openssl", "python3", "python3-venv")


def base(context: Context) -> Part:
    """Return the packages, folders and host program that every application on the machine shares."""
    program = host_program_files()
    folders = sorted({path.rpartition("/")[0] for path in program if "/" in path})
    return Part(
        packages=(*PACKAGES, *context.settings.packages),
        directories=(
            Directory("/etc/homeport"),
            Directory(HOST_LIBRARY),
            *(Directory(f"{HOST_LIBRARY}/{folder}") for folder in folders),
        ),
        files=(
            *(
                File(f"{HOST_LIBRARY}/{path}", content, mode=0o644 if path.endswith(".py") else 0o755)
                for path, content in program.items()
            ),
            File(
                f"{UNITS}/homeport-retry@.service",
                context.render("systemd/homeport-retry@.service", host_program=HOST_PROGRAM),
                file_set="systemd",
            ),
        ),
    )
