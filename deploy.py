"""pyinfra's entry: `pyinfra inventories/production.py deploy.py`."""

from homeport.deploy import deploy
from homeport.plans import provision

deploy(provision.STEPS, provision.PHASES)
