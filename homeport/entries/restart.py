"""`homeport restart`."""

from homeport.deploy import operate
from homeport.operations.by_hand import RestartRun
from homeport.plans import by_hand

operate(RestartRun, by_hand.RESTART)
