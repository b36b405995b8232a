"""The processes of a release: its `Service`, the renderers, its variables, its description and id."""
