"""Plans for commands other than deploys: one phase each."""

from __future__ import annotations

from homeport.operations import hold, maintenance, renew, restart, upgrade

RESTART = (("Restart", restart.restart),)
LOCK = (("Lock", hold.hold),)
UNLOCK = (("Unlock", hold.unhold),)
MAINTENANCE = (("Maintenance", maintenance.maintain),)
RENEW = (("Renew", renew.renew),)
UPGRADE = (("Upgrade", upgrade.upgrade),)
