"""The Python that a lock was made for, where Debian's own has no wheel of what it names."""

from __future__ import annotations

import pytest

from homeport.scaffold.wheels import find_python

LINUX, MAC = "manylinux_2_17_x86_64.manylinux2014_x86_64", "macosx_11_0_arm64"


def lock(*wheels: str) -> str:
    """Return a lock that names these wheels (`tags`, or name and tags), as Poetry writes it."""
    names = (one if one.count("-") > 3 else f"psycopg2_binary-2.9.3-{one}" for one in wheels)
    return "".join(f'    {{file = "{name}.whl", hash = "sha256:00"}},\n' for name in names)


EVERYWHERE = tuple(f"cp3{minor}-cp3{minor}-{LINUX}" for minor in range(9, 15))


@pytest.mark.parametrize(
    ("wheels", "required", "found"),
    [
        (EVERYWHERE, "", None),
        (EVERYWHERE[:2], "", "3.10"),
        (EVERYWHERE[:2], "<3.10", "3.9"),
        (EVERYWHERE[:4], "", "3.11"),
        (EVERYWHERE[3:4], ">=3.10", "3.12"),
        (EVERYWHERE[:2], ">=3.11", None),
        ((f"cp37-abi3-{LINUX}",), "", None),
        ((f"cp313-abi3-{LINUX}",), "", "3.13"),
        (("py2.py3-none-any",), "", None),
        ((f"cp39-cp39-{MAC}",), "", None),
        ((f"cp37-cp37m-{LINUX}", f"cp38-cp38-{LINUX}"), "", "3.8"),
        ((*EVERYWHERE, f"other-1-cp39-cp39-{LINUX}"), "", None),
        ((*EVERYWHERE, f"asyncpg-0.26-cp310-cp310-{LINUX}"), "", "3.10"),
        ((*EVERYWHERE[:1], f"asyncpg-0.26-cp310-cp310-{LINUX}"), "", None),
        # None has both: Debian 12's own has one of them, and Debian 13's neither.
        ((*EVERYWHERE[2:3], f"asyncpg-0.26-cp310-cp310-{LINUX}"), "", "3.11"),
        ((*EVERYWHERE[2:3], f"asyncpg-0.26-cp310-cp310-{LINUX}"), ">=3.13", None),
    ],
)
def test_it_is_the_newest_for_which_all_that_is_installed_is_there(
    wheels: tuple[str, ...], required: str, found: str | None
) -> None:
    assert find_python(lock(*wheels), {"psycopg2-binary", "asyncpg"}, required) == found


def test_a_uv_lock_names_them_by_their_addresses() -> None:
    text = f'wheels = [{{ url = "https://index.invalid/a/psycopg2_binary-2.9.3-cp310-cp310-{LINUX}.whl", size = 1 }}]'
    assert find_python(text, {"psycopg2-binary"}, "") == "3.10"
