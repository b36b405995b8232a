"""`homeport releases`: each host's list, a line of JSON each."""

from homeport.deploy import report_releases

report_releases()
