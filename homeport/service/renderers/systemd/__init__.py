"""A `Service` as systemd's units, by the templates that a project may override."""

from homeport.service.renderers.systemd.slices import slice_file, slice_name, slice_text
from homeport.service.renderers.systemd.units import Render, units

__all__ = ["Render", "slice_file", "slice_name", "slice_text", "units"]
