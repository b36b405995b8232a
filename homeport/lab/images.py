"""The base images of the nspawn backend: a directory per recipe in the user's cache, built once and never written to
again.
"""

from __future__ import annotations

import fcntl
import shutil
from functools import cache
from pathlib import Path

from homeport.lab import recipe as recipes
from homeport.lab.machine import cache_directory, progress
from homeport.lab.model import Suite


def base_image(suite: Suite, *, apt_proxy: str = "") -> Path:
    """Return the directory of a suite's base image, and build it first when the cache has none for the present
    recipe.
    """
    wanted = _recipe(suite)
    folder = cache_directory() / "images"
    image = folder / f"{suite}-{wanted.digest()}"
    if image.exists():
        return image
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            _build(wanted, image, apt_proxy)
    return image


@cache
def _recipe(suite: Suite) -> recipes.Recipe:
    return recipes.recipe(suite)


def _build(wanted: recipes.Recipe, image: Path, apt_proxy: str) -> None:
    progress(f"building the {wanted.suite} base image (about a minute) …")
    new = image.with_name(f"{image.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        recipes.build(wanted, new, apt_proxy=apt_proxy)
        new.rename(image)
    finally:
        shutil.rmtree(new, ignore_errors=True)
