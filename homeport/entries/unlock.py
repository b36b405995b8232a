"""`homeport unlock`."""

from homeport.deploy import operate
from homeport.operations.hold import HoldRun
from homeport.plans import one_phase

operate(HoldRun, one_phase.UNLOCK)
