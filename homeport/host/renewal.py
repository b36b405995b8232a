"""The certificate that is served, and when it is looked after: the file as it is, and the timer's times. Reads only."""

from __future__ import annotations

from typing import Any

from . import certificates, timers, units
from .certificates import PEM_END
from .health import site_name
from .layout import Layout

TIMER = "homeport-renew.timer"
SERVICE = "homeport-renew.service"


def certificate(layout: Layout) -> dict[str, Any] | None:
    """Return the site's certificate as PEM, the chain left out, and whether it is the one that is served.

    None when there is none.
    """
    wanted = certificates.on_disk(layout.certificate)
    if wanted is None:
        return None
    text = layout.certificate.read_text()
    return {
        "pem": text[text.index("-----BEGIN") : text.index(PEM_END) + len(PEM_END)],
        "served": certificates.served(site_name(layout)) == wanted,
    }


def renewal() -> dict[str, Any]:
    """Return whether the timer is on, when it looks next and has looked last, and how that ended."""
    upcoming, last = timers.runs(TIMER)
    return {
        "timer_active": units.is_active(TIMER),
        "next_check_at": upcoming,
        "last_check_at": last,
        "last_result": units.show(SERVICE).get("Result", "") if last else None,
    }
