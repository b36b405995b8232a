"""`homeport export`: writes the settings of a site on machines as files for another engine."""
