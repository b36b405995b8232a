"""What setup.py and setup.cfg say, read and never run."""

from __future__ import annotations

import pytest

from homeport.source.setup_files import read_setup

HEAD = "from setuptools import setup\n"


@pytest.mark.parametrize(("text", "needs"), [
    ("setup(install_requires=['a', 'b>=1'])", ["a", "b>=1"]),
    ("NEEDS = ('a',)\nsetup(install_requires=NEEDS)", ["a"]),
    ("import setuptools\nsetuptools.setup(install_requires='a\\n# no\\nb')", ["a", "b"]),
    ("setup(install_requires=open('requirements.txt').read().splitlines())", ["one==1", "two"]),
    ("setup(name='x')", []),
    ("if True:\n    setup(install_requires=['a'])", ["a"]),
])  # fmt: skip
def test_what_is_written_down_is_read(text: str, needs: list[str]) -> None:
    files = {"setup.py": HEAD + text, "requirements.txt": "one==1\n# remark\n-r other.txt\ntwo\n"}
    assert (read_setup(files.get) or {})["dependencies"] == needs


@pytest.mark.parametrize("text", [
    "setup(install_requires=compute())", "setup(install_requires=A + B)", "setup(**SETTINGS)",
    "setup(install_requires=lines('gone.txt'))",
    "open('dev-requirements.txt')\nsetup(install_requires=open('requirements.txt').readlines())",
])  # fmt: skip
def test_what_only_a_run_would_tell_is_not_guessed(text: str) -> None:
    files = {"setup.py": HEAD + text, "requirements.txt": "one\n", "dev-requirements.txt": "two\n"}
    assert "dependencies" not in (read_setup(files.get) or {})


def test_the_configuration_of_setuptools() -> None:
    text = (
        "[metadata]\nname = shop\nversion = attr: shop.__version__\n[options]\ninstall_requires =\n    a\n    b>=1\n"
        "package_dir =\n    =src\npython_requires = >=3.9\n[options.extras_require]\nfast = c\n"
        "[options.entry_points]\nconsole_scripts =\n    shop = shop.cli:main\n"
    )
    assert read_setup({"setup.cfg": text, "setup.py": HEAD + "setup()\n"}.get) == {
        "name": "shop",
        "requires-python": ">=3.9",
        "dependencies": ["a", "b>=1"],
        "optional-dependencies": {"fast": ["c"]},
        "scripts": {"shop": "shop.cli:main"},
        "packages-from": "src",
    }


def test_neither_and_what_is_no_python() -> None:
    nothing: dict[str, str] = {}
    assert read_setup(nothing.get) is None
    assert read_setup({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}.get) is None
    assert read_setup({"setup.py": "def ("}.get) == {}
