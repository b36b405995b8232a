"""`homeport maintenance`."""

from homeport.deploy import operate
from homeport.operations.maintenance import MaintenanceRun
from homeport.plans import one_phase

operate(MaintenanceRun, one_phase.MAINTENANCE)
