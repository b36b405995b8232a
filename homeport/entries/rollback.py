"""`homeport rollback`."""

from homeport.deploy import operate
from homeport.operations.rollback import RollbackRun
from homeport.plans import rollback

operate(RollbackRun, rollback.PHASES)
