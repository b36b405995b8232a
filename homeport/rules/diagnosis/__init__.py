"""What is wrong with a site, and why: from what was seen outside and on the host to findings. Pure."""

from homeport.rules.diagnosis.case import Case
from homeport.rules.diagnosis.diagnose import checked, diagnose
from homeport.rules.diagnosis.finding import NOTICE, TROUBLE, Finding

__all__ = ["NOTICE", "TROUBLE", "Case", "Finding", "checked", "diagnose"]
