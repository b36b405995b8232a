"""A `Service` as supervisord's programs, by the templates that a project may override."""

from homeport.service.renderers.supervisor.programs import programs

__all__ = ["programs"]
