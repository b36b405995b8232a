"""`homeport cert --renew`."""

from homeport.deploy import operate
from homeport.operations.renew import RenewRun
from homeport.plans import one_phase

operate(RenewRun, one_phase.RENEW)
