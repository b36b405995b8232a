"""`homeport cert --renew`."""

from homeport.deploy import operate
from homeport.operations.certificates_by_hand import RenewRun
from homeport.plans import by_hand

operate(RenewRun, by_hand.RENEW)
