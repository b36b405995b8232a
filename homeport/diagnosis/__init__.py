"""Finds what is wrong with a site, and why: from observations outside and on the host to findings. Pure."""

from homeport.diagnosis.case import Case
from homeport.diagnosis.diagnose import checked, diagnose
from homeport.diagnosis.finding import HINT, TROUBLE, WARNING, Finding

__all__ = ["HINT", "TROUBLE", "WARNING", "Case", "Finding", "checked", "diagnose"]
