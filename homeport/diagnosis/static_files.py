"""Files that the proxy serves by itself: whether they are there, and what of the application they hide."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.diagnosis.case import Case
from homeport.diagnosis.finding import HINT, Finding

USUAL_API_PATHS = ("/api",)


def static_files(case: Case) -> Iterator[Finding]:
    """Yield files that visitors should get and do not, and routes in whose place they get one."""
    found = case.found.get("static")
    if found is None:
        return
    if found["missing"]:
        yield Finding(
            "static_missing",
            "the files that the proxy serves by itself are not there",
            f"{found['missing']} does not lead to those of the live release",
            "homeport restart TARGET --new-slot, which copies them again",
        )
    if found["closed"]:
        yield Finding(
            "static_closed",
            "the proxy's user may not enter the folder of the files that it serves by itself",
            f"{found['closed']} is closed to www-data",
            f"chgrp www-data {found['closed']} && chmod g+rx {found['closed']}",
        )
    alone = USUAL_API_PATHS if case.settings.api_paths is None else case.settings.api_paths
    hidden = [one for one in found["hidden"] if not any(f"{one}/".startswith(f"{path}/") for path in alone)]
    if hidden:
        yield Finding(
            "static_hides",
            "visitors get a file and never the application's route",
            ", ".join(hidden),
            "rename the file or the route, or leave the route out",
            HINT,
        )
