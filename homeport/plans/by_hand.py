"""What a person asks for apart from deploys, a phase each."""

from __future__ import annotations

from homeport.operations import by_hand, certificates_by_hand, closing, upgrading

RESTART = (("Restart", by_hand.restart),)
LOCK = (("Lock", by_hand.hold),)
UNLOCK = (("Unlock", by_hand.unhold),)
MAINTENANCE = (("Maintenance", closing.maintain),)
RENEW = (("Renew", certificates_by_hand.renew),)
UPGRADE = (("Upgrade", upgrading.upgrade),)
