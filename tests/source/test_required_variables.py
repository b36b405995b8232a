"""Which variables an application's settings need, as its code says."""

from __future__ import annotations

import pytest

from homeport.source.required_variables import read_variables, required_variables, variables_of

HEAD = "from pydantic import Field\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"


def names(text: str) -> list[str]:
    return [one.name for one in required_variables({"app/config.py": HEAD + text})]


@pytest.mark.parametrize(("text", "found"), [
    ("class S(BaseSettings):\n    url: str\n    debug: bool = False\n    key: str = ...\n", ["URL", "KEY"]),
    ("class S(BaseSettings):\n    a: str = Field(...)\n    b: int = Field(default=1)\n    c: str = Field(gt=3)\n"
     "    d: list = Field(default_factory=list)\n", ["A", "C"]),
    ("class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='shop_')\n    url: str\n"
     "    key: str = Field(alias='SECRET')\n", ["SHOP_URL", "SECRET"]),
    ("class S(BaseSettings):\n    a: Annotated[dict, Field(default_factory=dict)]\n"
     "    b: Annotated[str, Field(alias='B2')]\n"
     "    c: Annotated[str, Field(gt=1)] = 'c'\n    d: Annotated[int, Positive]\n", ["B2", "D"]),
    ("class S(BaseSettings):\n    url: str\n    class Config:\n        env_prefix = 'X_'\n", ["X_URL"]),
    ("class A(BaseSettings):\n    url: str\n    key: str\nclass B(A):\n    key: str = 'k'\n    more: int\n",
     ["URL", "MORE"]),
    ("class S(pydantic_settings.BaseSettings):\n    url: AnyUrl\n    _hidden: str\n    K: ClassVar[str]\n", ["URL"]),
])  # fmt: skip
def test_a_field_without_a_default_has_to_be_set(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize("text", [
    "class S(BaseModel):\n    url: str\n",
    "class S(BaseSettings):\n    url: Optional[str]\n    key: str | None\n",
    "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=PREFIX)\n    url: str\n",
    "class S(BaseSettings):\n    url: str = Field(validation_alias=AliasChoices('a', 'b'))\n",
    "class S(BaseSettings):\n    def url(self): ...\n",
    "class S(BaseSettings:\n",
])  # fmt: skip
def test_what_is_not_plain_to_see_is_not_asked_for(text: str) -> None:
    assert names(text) == []


def test_the_module_is_named_and_tests_of_an_env_file() -> None:
    [one] = required_variables({"b.py": HEAD + "class S(BaseSettings):\n    url: str\n", "a.py": "x = 1\n"})
    assert (one.name, one.path) == ("URL", "b.py")
    assert variables_of("# A=1\nexport B=2\n C = 3\nB=4\n") == ("B", "C")


STARLETTE = "from starlette.config import Config\nconfig = Config('.env')\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            f"{STARLETTE}K = config('SECRET_KEY', cast=S)\nA = config('A', default=1)\nB = config('B', int, 2)\n",
            ["SECRET_KEY"],
        ),
        (f"{STARLETTE}class S:\n    key: str = config('SECRET_KEY', cast=str)\n", ["SECRET_KEY"]),
        ("from decouple import config as c\nKEY = c('SECRET_KEY')\nA = c('A', default='x')\n", ["SECRET_KEY"]),
        ("import os\nURL = os.environ['DATABASE_URL']\nA = os.environ.get('A')\n", ["DATABASE_URL"]),
        ("import os\nos.environ['A'] = 'x'\ndef f():\n    return os.environ['B']\n", []),
        ("import os\nif x:\n    A = os.environ['A']\ntry:\n    B = os.environ['B']\nexcept KeyError:\n    B = 1\n", []),
        ("def config(x): ...\nA = config('A')  # starlette.config, decouple\n", []),
        (f"{STARLETTE}A = config(NAME)\nB = config('B', **more)\n", []),
    ],
)
def test_what_other_ways_ask_for_at_import_is_required_too(text: str, found: list[str]) -> None:
    assert [one.name for one in required_variables({"app/config.py": text})] == found


@pytest.mark.parametrize(("text", "found"), [
    ("URL = os.getenv('DATABASE_URL')\nengine = connect(environ.get('OTHER'), key=getenv('KEY'))\n",
     ["DATABASE_URL", "OTHER", "KEY"]),
    ("class S:\n    token: str = os.environ.get('TOKEN')\n", ["TOKEN"]),
    ("A = os.getenv('A', 'x')\nB = os.getenv('B') or 'x'\nC = os.getenv('C') == '1'\nD = bool(os.getenv('D'))\n", []),
    ("A = os.getenv(key='A')\nB = os.getenv(NAME)\ndef f():\n    return g(os.getenv('C'))\n", []),
])  # fmt: skip
def test_what_is_read_without_a_default_may_be_needed(text: str, found: list[str]) -> None:
    assert [one.name for one in read_variables({"app/db.py": text, "tests/db.py": "A = os.getenv('T')"})] == found
    assert required_variables({"app/db.py": text}) == ()
