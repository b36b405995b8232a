"""`homeport remove`."""

from homeport.deploy import operate
from homeport.operations.removal import RemoveRun
from homeport.plans import remove

operate(RemoveRun, remove.PHASES)
