"""The engines that can be exported for, each in a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from homeport.exports.engines.compose import Compose
from homeport.exports.engines.container import Container
from homeport.exports.engines.docker import Docker
from homeport.exports.engines.interface import Builder, Code, Engine, File, Subject
from homeport.exports.engines.kubernetes import Kubernetes
from homeport.exports.engines.nomad import Nomad
from homeport.exports.engines.quadlet import Quadlet
from homeport.exports.engines.swarm import Swarm

__all__ = ["ENGINES", "Builder", "Code", "Engine", "File", "Subject"]

ENGINES: Mapping[str, Engine] = MappingProxyType(
    {one.name: one for one in (Container(), Docker(), Quadlet(), Compose(), Swarm(), Kubernetes(), Nomad())}
)
