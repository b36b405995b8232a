"""Settings of what `homeport export` writes: image and cluster; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from homeport.settings.types import Text, as_list

# The grammar of Docker's reference package: registry, path, tag, digest.
_PART = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_NAME = rf"({_PART}(\.{_PART})*(:[0-9]+)?/)?{_PART}(/{_PART})*"
_IMAGE = rf"^{_NAME}(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{{64}})?$"
# RFC 1123: a label for namespaces, labels with dots for classes.
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
Label = Annotated[Text, StringConstraints(pattern=rf"^{_LABEL}$")]
ClassName = Annotated[Text, StringConstraints(pattern=rf"^{_LABEL}(\.{_LABEL})*$")]

# As Go names systems and processors; a variant of the processor's may follow (containerd, platforms).
Platform = Annotated[Text, StringConstraints(pattern=r"^linux/[a-z0-9]+(/v[0-9]+)?$")]


class ContainerSettings(BaseModel):
    """What an exported container is built from, how its image is called, and how a cluster runs it."""

    # --- containers ------------------------------------------------------------------------------------------------
    base_image: Text | None = Field(
        None,
        pattern=_IMAGE,
        description="For `homeport export`: the image with Python that the application's is built from, of Debian or "
        'Ubuntu: `"python:3.13-slim@sha256:…"`; unset: the official slim image of the application\'s Python.',
    )
    build_image: Text | None = Field(
        None,
        pattern=_IMAGE,
        description="For `homeport export`: the image with the programs of `build_commands`, which run in a stage of "
        'it as the application\'s is built: `"node:22-slim"`; unset: you run them before.',
    )
    platforms: Annotated[tuple[Platform, ...], BeforeValidator(as_list)] = Field(
        (),
        description='For `homeport export`: what the image is built for, `["linux/amd64", "linux/arm64"]`; unset: for '
        "the builder's own. Several are built by Docker's buildx, and pushed at once. Not for `--classic`.",
    )
    image_name: Text | None = Field(
        None,
        pattern=rf"^{_NAME}$",
        description='For `homeport export`: what the image is called, without a tag, `"registry.example.com/team/notes"'
        "`; unset: as the application.",
    )

    # --- clusters --------------------------------------------------------------------------------------------------
    replicas: int = Field(
        1,
        ge=1,
        le=1000,
        description="For exports to Kubernetes, Swarm and Nomad: how many containers serve the site, each with "
        "`workers` workers. More than one needs a database that is not a file, and `state_volume_megabytes = None`.",
    )
    replicas_max: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="For `homeport export kubernetes`: up to how many replicas the cluster adds while their processors "
        "are busy (70 % of what their workers can use); unset: `replicas`, always.",
    )
    state_volume_megabytes: int | None = Field(
        1024,
        ge=1,
        description="For exports to Kubernetes, Swarm and Nomad: size of the volume that keeps `$STATE_DIRECTORY`, of "
        "one replica (Swarm and Nomad bound none); None: what is written there goes with its container.",
    )
    cluster_namespace: Label | None = Field(
        None,
        description="For exports to Kubernetes and Nomad: the namespace; unset: named as the application (Nomad: "
        '"default").',
    )
    image_pull_secret: Label | None = Field(
        None,
        description="For `homeport export kubernetes`: the name of the Secret with the login of the image's registry "
        "(`kubectl create secret docker-registry`), which you make; unset: the registry asks for none.",
    )
    ingress_class: ClassName = Field(
        "traefik",
        description="For `homeport export kubernetes`: the class of the ingress controller. Aliases, HSTS, the limits "
        'of the proxy and `tls_profile = "modern"` are translated for "traefik" alone.',
    )
    ingress_namespace: Label = Field(
        "traefik",
        description="For `homeport export kubernetes`: the namespace in which the ingress controller runs, from where "
        'alone the application is reached (in k3s "kube-system").',
    )
