"""Which tests a change can reach."""

from __future__ import annotations

from tests.changed import files_of, imports, is_named, reached, speaking

FILES = {
    "homeport/__init__.py": "",
    "homeport/rules/__init__.py": "",
    "homeport/rules/memory.py": "import math\n",
    "homeport/steps/units.py": 'from homeport.rules import memory\nNAME = "systemd/migrate.sh"\n',
    "homeport/operations/lock.py": 'command("packages")\n',
    "tests/conftest.py": "from tests import pace\n",
    "tests/pace.py": "",
    "tests/rules/test_memory.py": "from homeport.rules.memory import fits\n",
    "tests/steps/test_units.py": "from homeport.steps.units import NAME\n",
    "tests/operations/test_lock.py": "from ..pace import until\nfrom homeport.operations import lock\n",
    "tests/cli/test_main.py": 'COMMAND = "-m homeport.steps.units"\n',
    "tests/lab/test_memory.py": "",
    "tests/lab/test_deploy.py": "'memory'",
}
FILES = {name: text for name, text in FILES.items() if "the memory" not in text} | {
    "tests/lab/test_deploy.py": "'memory'"
}


def test_who_imports_it_directly_or_by_another_is_reached_and_nobody_else() -> None:
    found = reached(FILES, ["homeport/rules/memory.py"])
    assert {name for name in found if not name.startswith("tests/lab/")} == {
        *("tests/rules/test_memory.py", "tests/steps/test_units.py", "tests/cli/test_main.py"),
    }


def test_a_test_speaking_is_reached_by_its_name_or_by_what_it_speaks_of() -> None:
    assert speaking("homeport/rules/memory.py", FILES) == {"tests/lab/test_memory.py", "tests/lab/test_deploy.py"}
    assert speaking("homeport/rules/nothing.py", FILES) == set()
    assert speaking("docs/memory.md", FILES) == set()


def test_a_name_that_many_speak_of_chooses_by_the_tests_names_alone() -> None:
    many = {f"tests/lab/test_{number}.py": "'memory'" for number in range(20)}
    assert speaking("homeport/rules/memory.py", FILES | many) == {"tests/lab/test_memory.py"}


def test_a_template_and_a_script_are_reached_by_who_names_them() -> None:
    assert is_named("templates/systemd/migrate.sh", FILES["homeport/steps/units.py"])
    assert is_named("homeport/operations/scripts/packages.sh", FILES["homeport/operations/lock.py"])
    assert not is_named("templates/nginx/site.conf", FILES["homeport/steps/units.py"])
    assert "tests/operations/test_lock.py" in reached(FILES, ["homeport/operations/scripts/packages.sh"])


def test_a_conftest_reaches_the_tests_below_it_and_what_it_imports_does_too() -> None:
    assert "tests/cli/test_main.py" in reached(FILES, ["tests/pace.py"])


def test_relative_imports_and_packages_count() -> None:
    name = "tests/operations/test_lock.py"
    assert imports(name, FILES[name], FILES) >= {"tests/pace.py", "homeport/operations/lock.py", "tests/conftest.py"}
    assert list(files_of("homeport.rules")) == [
        "homeport/rules.py",
        "homeport/__init__.py",
        "homeport/rules/__init__.py",
    ]


def test_a_changed_test_is_reached_itself() -> None:
    assert reached(FILES, ["tests/lab/test_memory.py"]) == {"tests/lab/test_memory.py"}


def test_what_makes_machines_reaches_the_tests_on_them_and_what_it_imports_of_the_product_does_not() -> None:
    lab = {"homeport/lab/keys.py": "from homeport.rules import memory\n", "homeport/lab/__init__.py": ""}
    files = FILES | lab | {"tests/lab/test_ssh.py": "from homeport.lab import keys\n"}
    assert reached(files, ["homeport/lab/keys.py"]) == {"tests/lab/test_ssh.py"}
    assert "tests/lab/test_ssh.py" not in reached(files, ["homeport/rules/memory.py"])
