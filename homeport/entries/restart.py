"""`homeport restart`."""

from homeport.deploy import operate
from homeport.operations.releases_run import RestartRun
from homeport.plans import one_phase

operate(RestartRun, one_phase.RESTART)
