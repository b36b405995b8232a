"""What every proxy's step puts down likewise: names and ports that others see, and the page of maintenance. Pure."""

from __future__ import annotations

import json

from homeport.state.wanted import File
from homeport.steps.context import Context


def claim_file(context: Context) -> File:
    """Return the file that tells other applications of the machine which names and ports are taken."""
    settings = context.settings
    claim = {
        "app": settings.app_name,
        "domains": list(settings.domains),
        "ports": [settings.port_blue, settings.port_green],
        **({"mounted_on": settings.mounted_on, "mount_path": settings.mount_path} if settings.mounted_on else {}),
        **({"preview": {**settings.preview.model_dump(), "url": settings.url}} if settings.preview else {}),
    }
    return File(f"{context.paths.etc}/site.json", json.dumps(claim) + "\n")


def maintenance_file(context: Context) -> File:
    """Return the page that visitors get during maintenance."""
    page = context.render("nginx/maintenance.html", domain=context.settings.domain)
    return File(context.paths.maintenance_page, page)
