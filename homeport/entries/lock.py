"""`homeport lock`."""

from homeport.deploy import operate
from homeport.operations.by_hand import HoldRun
from homeport.plans import by_hand

operate(HoldRun, by_hand.LOCK)
