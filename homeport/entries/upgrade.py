"""`homeport upgrade`."""

from homeport.deploy import operate
from homeport.operations.upgrade import UpgradeRun
from homeport.plans import one_phase

operate(UpgradeRun, one_phase.UPGRADE)
