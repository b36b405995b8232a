"""Which files the installation of dependencies reads: the layer of an image follows from these alone."""

from __future__ import annotations

import pytest

from homeport.source.dependencies import Application, Dependencies, decide_dependencies
from homeport.source.dependency_options import DependencyOptions
from homeport.source.install_inputs import install_inputs, made_from

from .test_dependencies import HATCHLING, LOCKED, PYPROJECT

CODE = {"main.py": "", "README.md": ""}


def told(files: dict[str, str]) -> tuple[tuple[str, ...], str]:
    files = {**files, **CODE}
    found = decide_dependencies(Application(files.keys(), files.get, "t1", "at HEAD in /app"), DependencyOptions())
    return install_inputs(found, files.keys(), files.get), made_from(found, files.keys())


@pytest.mark.parametrize(
    ("files", "inputs", "named"),
    [
        (LOCKED, ("libs/library", "pyproject.toml", "uv.lock"), "uv.lock"),
        ({"requirements.txt": "fastapi[standard]\n"}, ("requirements.txt",), "requirements.txt"),
        (
            {
                "requirements.txt": "-r parts/base.txt\n-c limits.txt\n",
                "parts/base.txt": "fastapi[standard]\n",
                "limits.txt": "fastapi==0.115\n",
                ".python-version": "3.13\n",
            },
            (".python-version", "limits.txt", "parts/base.txt", "requirements.txt"),
            "requirements.txt",
        ),
        (
            {"requirements.txt": "-f ./wheels\na\n", "wheels/a.whl": ""},
            ("requirements.txt", "wheels"),
            "requirements.txt",
        ),
        ({"pyproject.toml": PYPROJECT, "uv.toml": ""}, ("pyproject.toml", "uv.toml"), "pyproject.toml"),
        ({"requirements.txt": ".\n", "pyproject.toml": PYPROJECT + HATCHLING}, (".",), "requirements.txt"),
    ],
)
def test_the_inputs_are_what_names_dependencies_and_what_is_installed_of_the_tree(
    files: dict[str, str], inputs: tuple[str, ...], named: str
) -> None:
    assert told(files) == (inputs, named)


def test_a_lock_of_another_tool_names_what_it_has_written_down() -> None:
    files = {"pyproject.toml", "poetry.lock", "Pipfile.lock"}
    for kind, named in (
        ("poetry-lock", "poetry.lock"),
        ("pipfile-lock", "Pipfile.lock"),
        ("pyproject", "pyproject.toml"),
    ):
        found = Dependencies(kind, "", ())  # type: ignore[arg-type]
        assert (install_inputs(found, files, lambda _: None), made_from(found, files)) == (("pyproject.toml",), named)
