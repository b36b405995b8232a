"""`homeport maintenance`."""

from homeport.deploy import operate
from homeport.operations.closing import MaintenanceRun
from homeport.plans import by_hand

operate(MaintenanceRun, by_hand.MAINTENANCE)
