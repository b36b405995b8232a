"""What a person asks for apart from deploys, a phase each."""

from __future__ import annotations

from homeport.operations import maintenance, releases_run, renewal, upgrade

RESTART = (("Restart", releases_run.restart),)
LOCK = (("Lock", releases_run.hold),)
UNLOCK = (("Unlock", releases_run.unhold),)
MAINTENANCE = (("Maintenance", maintenance.maintain),)
RENEW = (("Renew", renewal.renew),)
UPGRADE = (("Upgrade", upgrade.upgrade),)
