"""`homeport export`: the settings that run a site on machines of one's own, written for another ground."""
