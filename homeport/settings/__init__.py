"""The settings: one typed model, read once from pyinfra's host data; everything else takes the model."""

from homeport.settings.model import Settings

__all__ = ["Settings"]
