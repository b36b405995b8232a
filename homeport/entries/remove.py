"""`homeport remove`."""

from functools import partial

from homeport.deploy import operate
from homeport.operations.remove import RemoveRun
from homeport.plans import remove

operate(partial(RemoveRun, places=remove.written), remove.PHASES)
