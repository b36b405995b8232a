"""What setup.py and setup.cfg say, read and never run."""

from __future__ import annotations

import pytest

from homeport.source.setup_files import UNREADABLE, read_setup

HEAD = "from setuptools import setup\n"


@pytest.mark.parametrize(("text", "needs"), [
    ("setup(install_requires=['a', 'b>=1'])", ["a", "b>=1"]),
    ("NEEDS = ('a',)\nsetup(install_requires=NEEDS)", ["a"]),
    ("NEEDS = ['a']\nsetup(install_requires=NEEDS, extras_require={'all': NEEDS + MORE})", ["a"]),
    ("NEEDS = ('a',)\nprint(NEEDS)\nsetup(install_requires=NEEDS)", ["a"]),
    ("import setuptools\nsetuptools.setup(install_requires='a\\n# no\\nb  # why')", ["a", "b"]),
    ("from setuptools import setup as install\ninstall(install_requires=['a'])", ["a"]),
    ("try:\n    from setuptools import setup\nexcept ImportError:\n    from distutils.core import setup\n"
     "setup(install_requires=['a'])", ["a"]),
    ("import setuptools as tools\ntools.setup(install_requires=['a'])", ["a"]),
    ("setup(install_requires=open('requirements.txt').read().splitlines())", ["one==1", "two"]),
    ("with open(os.path.join(HERE, 'requirements.txt')) as file:\n    needs = file.readlines()\n"
     "setup(install_requires=needs)", ["one==1", "two"]),
    ("def read(path):\n    with open(path) as file:\n        lines = [one.strip() for one in file]\n"
     "    return [one for one in lines if one and not one.startswith(('#', '-'))]\n"
     "setup(install_requires=read('requirements.txt'))", ["one==1", "two"]),
    ("setup(name='x')", []), ("setup(install_requires=None)", []),
    ("setup(extras_require={':python_version < \"3.12\"': ['a', 'b; extra'], 'fast': ['c']})",
     ['a ; python_version < "3.12"', 'b ; (extra) and (python_version < "3.12")']),
    ("if True:\n    setup(install_requires=['a'])", ["a"]),
])  # fmt: skip
def test_what_is_written_down_is_read(text: str, needs: list[str]) -> None:
    files = {"setup.py": HEAD + text, "requirements.txt": "one==1\n# remark\n--no-binary x\ntwo\n"}
    assert (read_setup(files.get) or {})["dependencies"] == needs


CODE, CHANGED = "its setup.py makes install_requires by code", "its setup.py changes NEEDS (install_requires) by code"
ELSEWHERE = "its setup.py uses NEEDS (install_requires) elsewhere, which may change it"
NO_LIST = "its setup.py has install_requires that is not a list of texts"
NO_CALL = "its setup.py does not call setup(…) just once, by the name that it is imported by"


@pytest.mark.parametrize(("text", "why"), [
    ("setup(install_requires=compute())", CODE),
    ("setup(install_requires=A + B)", CODE),
    ("setup(install_requires=lines('gone.txt'))", CODE),
    ("open('dev-requirements.txt')\nsetup(install_requires=open('requirements.txt').readlines())", CODE),
    ("setup(install_requires=['a'] + open('requirements.txt').readlines())", CODE),
    ("setup(install_requires=compute(), tests_require=open('requirements.txt').readlines())", CODE),
    ("setup(install_requires=[one for one in open('requirements.txt') if 'two' not in one])", CODE),
    ("setup(install_requires=open('requirements.txt').readlines()[1:])", CODE),
    ("setup(install_requires=open('requirements.txt').readlines() if sys.platform == 'linux' else [])", CODE),
    ("with open('requirements.txt') as file:\n    NEEDS = file.readlines()\nNEEDS.append('c')\n"
     "setup(install_requires=NEEDS)", ELSEWHERE),
    ("NEEDS = ['a']\nNEEDS.append('b')\nsetup(install_requires=NEEDS)", ELSEWHERE),
    ("NEEDS = ['a']\nNEEDS.extend(['b'])\nsetup(install_requires=NEEDS)", ELSEWHERE),
    ("NEEDS = ['a']\nadd(NEEDS)\nsetup(install_requires=NEEDS)", ELSEWHERE),
    ("NEEDS = ['a']\nOTHER = NEEDS\nOTHER.append('b')\nsetup(install_requires=NEEDS)", ELSEWHERE),
    ("NEEDS = ['a']\nsetup(install_requires=NEEDS, cmdclass=add(NEEDS))", ELSEWHERE),
    ("NEEDS = ['a']\nNEEDS += ['b']\nsetup(install_requires=NEEDS)", CHANGED),
    ("NEEDS = ['a']\nNEEDS[0:0] = ['b']\nsetup(install_requires=NEEDS)", CHANGED),
    ("NEEDS = ['a']\nNEEDS = ['a', 'b']\nsetup(install_requires=NEEDS)", CHANGED),
    ("if new:\n    NEEDS = ['a', 'b']\nelse:\n    NEEDS = ['a']\nsetup(install_requires=NEEDS)", CHANGED),
    ("NEEDS = ['a']\ndef run(NEEDS):\n    setup(install_requires=NEEDS)\nrun(['b'])", CHANGED),
    ("from needs import NEEDS\nsetup(install_requires=NEEDS)", "its setup.py makes NEEDS (install_requires) by code"),
    ("setup(**SETTINGS)", "its setup.py spreads a table (**) among the arguments of setup(…)"),
    ("run = setup\nrun(install_requires=['a'])", NO_CALL),
    ("from functools import partial\npartial(setup, install_requires=['a'])()", NO_CALL),
    ("if new:\n    setup(install_requires=['a', 'b'])\nelse:\n    setup(install_requires=['a'])", NO_CALL),
    ("", NO_CALL),
    ("def setup(**more):\n    tools.setup(install_requires=['a'], **more)\nsetup()",
     "its setup.py gives the name of setup(…) to something else"),
    ("setup(install_requires={'a': 1})", NO_LIST),
    ("setup(install_requires=['a', 1])", NO_LIST),
    ("def (", "its setup.py cannot be parsed as Python"),
])  # fmt: skip
def test_what_only_a_run_would_tell_is_not_guessed_and_never_a_shorter_list(text: str, why: str) -> None:
    files = {"setup.py": HEAD + text, "requirements.txt": "one\ntwo\n", "dev-requirements.txt": "two\n"}
    found = read_setup(files.get) or {}
    assert "dependencies" not in found
    assert found[UNREADABLE] == why


@pytest.mark.parametrize("line", ["-r other.txt", "-e .", "-c limits.txt", "one==1 \\\n  --hash=sha256:0"])
def test_a_requirements_file_that_setup_py_cannot_read_whole_is_not_read_in_part(line: str) -> None:
    text = "setup(install_requires=open('requirements.txt').read().splitlines())"
    found = read_setup({"setup.py": HEAD + text, "requirements.txt": f"two\n{line}\n"}.get) or {}
    assert "dependencies" not in found
    assert "its setup.py reads requirements.txt, which has a line that only pip knows (" in found[UNREADABLE]


def test_an_extra_that_cannot_be_read_is_known_to_be_there() -> None:
    text = "setup(install_requires=['a'], extras_require={'fast': more()})"
    found = read_setup({"setup.py": HEAD + text}.get) or {}
    assert (found["dependencies"], found["dynamic"]) == (["a"], ["optional-dependencies"])
    assert found[UNREADABLE] == "its setup.py makes extras_require by code"


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


@pytest.mark.parametrize(("value", "needs"), [
    ("install_requires = a; b", ["a", "b"]),
    ("install_requires =\n    a; python_version < '3.12'\n    b  # why", ["a; python_version < '3.12'", "b"]),
    ("install-requires =\n    a", ["a"]),
])  # fmt: skip
def test_the_list_of_setup_cfg_is_as_setuptools_reads_it(value: str, needs: list[str]) -> None:
    for script in ("setup()\n", "setup(install_requires=[])\n"):
        files = {"setup.cfg": f"[options]\n{value}\n", "setup.py": HEAD + script}
        assert (read_setup(files.get) or {})["dependencies"] == needs


@pytest.mark.parametrize(("text", "why"), [
    ("[options]\ninstall_requires =\n    a\n[options]\n", "its setup.cfg cannot be read: While reading from "),
    ("install_requires = a\n", "its setup.cfg cannot be read: File contains no section headers."),
    ("[options]\ninstall_requires = file: requirements.txt\n", "its setup.cfg reads install_requires from a file"),
])  # fmt: skip
def test_a_setup_cfg_that_cannot_be_read_is_not_one_that_needs_nothing(text: str, why: str) -> None:
    for files in ({"setup.cfg": text, "setup.py": HEAD + "setup()\n"}, {"setup.cfg": text}):
        found = read_setup(files.get) or {}
        assert "dependencies" not in found
        assert found[UNREADABLE].startswith(why)
        assert "\n" not in found[UNREADABLE]


def test_a_folder_with_neither() -> None:
    nothing: dict[str, str] = {}
    assert read_setup(nothing.get) is None
    assert read_setup({"setup.cfg": "[flake8]\nmax-line-length = 100\n"}.get) is None
