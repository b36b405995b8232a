"""`homeport preview up`."""

from homeport.deploy import deploy
from homeport.plans import previews

deploy(previews.STEPS, previews.PHASES)
