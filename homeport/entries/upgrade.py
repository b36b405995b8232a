"""`homeport upgrade`."""

from homeport.deploy import operate
from homeport.operations.upgrading import UpgradeRun
from homeport.plans import by_hand

operate(UpgradeRun, by_hand.UPGRADE)
