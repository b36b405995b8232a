"""`homeport restart`."""

from homeport.deploy import operate
from homeport.operations.restart import RestartRun
from homeport.plans import one_phase

operate(RestartRun, one_phase.RESTART)
