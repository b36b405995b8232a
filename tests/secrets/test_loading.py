from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.secrets.loading import load_secrets
from homeport.settings import Settings


def secrets(folder: Path, text: str | bytes, **data: object) -> dict[str, str]:
    (folder / "secrets.env").write_bytes(text.encode() if isinstance(text, str) else text)
    settings = Settings.model_validate(
        {"app_name": "notes", "domain": "notes.example.com", "secrets_file": "secrets.env", **data}
    )
    return load_secrets(settings, folder, "web1").application


def refusal(folder: Path, text: str | bytes, **data: object) -> str:
    with pytest.raises(UsageError) as caught:
        secrets(folder, text, **data)
    line = str(caught.value)
    assert line.startswith("web1: secrets_file: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=plain", "plain"),
        ("export KEY=plain", "plain"),
        ("KEY = spaced ", "spaced"),
        ("KEY=", ""),
        ("KEY=''", ""),
        ("KEY=a#b", "a#b"),
        ("KEY=a # remark", "a"),
        ("KEY='a # b'", "a # b"),
        ('KEY="a \\"b\\" \\\\ c"', 'a "b" \\ c'),
        ("KEY='it\\'s'", "it's"),
        ("KEY='$HOME ${X} `id`'", "$HOME ${X} `id`"),
        ("KEY=$HOME", "$HOME"),
        ('KEY="${HOME}"', "${HOME}"),
        ("KEY='a\\nb'", "a\\nb"),
        ('KEY="a\\nb"', "a\nb"),
        ('KEY="-----BEGIN-----\nMII=\n-----END-----\n"', "-----BEGIN-----\nMII=\n-----END-----\n"),
        ("KEY=pass=word==", "pass=word=="),
        ("KEY=größe😀", "größe😀"),
        ("\ufeffKEY=a", "a"),
        ("KEY=a\r\n", "a"),
    ],
)
def test_a_line_is_read_as_dotenv_has_it(tmp_path: Path, line: str, value: str) -> None:
    assert secrets(tmp_path, f"{line}\n\n# a remark\nOTHER=1\n") == {"KEY": value, "OTHER": "1"}


def test_without_a_secrets_file_there_are_no_secrets(tmp_path: Path) -> None:
    assert load_secrets(Settings(app_name="notes", domain="notes.example.com"), tmp_path) == ({}, {}, {})


@pytest.mark.parametrize("name", ["missing.env", ".", "secrets.env/x"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "secrets.env").write_text("")
    settings = Settings(app_name="notes", domain="notes.example.com", secrets_file=name)
    with pytest.raises(UsageError, match=r"^web1: secrets_file: .* cannot be read; write it as"):
        load_secrets(settings, tmp_path, "web1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("A=1")
    (tmp_path / "secrets.env").chmod(0)
    settings = Settings(app_name="notes", domain="notes.example.com", secrets_file="secrets.env")
    with pytest.raises(UsageError, match="cannot be read"):
        load_secrets(settings, tmp_path, "web1")


def test_a_file_that_is_not_utf8_is_refused_without_its_content(tmp_path: Path) -> None:
    assert "hunter" not in refusal(tmp_path, b"KEY=hunter\xff\xfe2")


def test_a_variable_that_stands_twice_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, "A=hunter1\n\n\nB=x\n\nA=hunter2\n")
    assert "line 6 sets A again; keep it in one place" in line
    assert "hunter" not in line


def test_a_variable_that_is_in_environment_too_is_refused(tmp_path: Path) -> None:
    assert "A is also in the settings" in refusal(tmp_path, "A=hunter2", environment={"A": "x"})


@pytest.mark.parametrize("name", ["HOMEPORT_PORT", "STATE_DIRECTORY"])
def test_a_variable_of_homeports_own_is_refused(tmp_path: Path, name: str) -> None:
    assert f"line 1: {name} is set by homeport itself" in refusal(tmp_path, f"{name}=1")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A=1\nhunter2\n", 2),
        ("A=1\n\n\nhunter2\n", 4),
        ("hunter2==\n-hunter2=\n", 2),
        ("KEY=-----BEGIN PRIVATE KEY-----\nhunter2hunter2\nhunter2=\n", 2),
        ('KEY="hunter2 never ends\nB=1\n', 1),
        ("'hunter2\n", 1),
        ("hunter2 hunter2=1\n", 1),
        ("1hunter2=x\n", 1),
    ],
)
def test_a_line_that_is_no_assignment_is_named_by_its_number_alone(tmp_path: Path, text: str, number: int) -> None:
    line = refusal(tmp_path, text)
    assert f"line {number} is not NAME=value" in line
    assert "hunter" not in line


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["KEY", "=", "'", '"', "\n", "\\", "hunter2", "#", " ", "export ", "\0", "\r"]), max_size=20
    )
)
def test_no_content_ever_appears_in_a_message(tmp_path: Path, parts: list[str]) -> None:
    try:
        secrets(tmp_path, "".join(parts))
    except UsageError as error:
        line = str(error).replace("sets KEY again", "")
        assert "hunter2" not in line or "sets " in line or "value of " in line


def from_environment(environment: dict[str, str], **data: object) -> dict[str, str]:
    settings = Settings.model_validate({"app_name": "notes", "domain": "notes.example.com", **data})
    return load_secrets(settings, Path("/"), "web1", environment).application


def test_named_variables_of_the_job_are_secrets_too() -> None:
    job = {"DATABASE_URL": "hunter2", "OTHER": "x"}
    assert from_environment(job, secrets_from_environment="DATABASE_URL") == {"DATABASE_URL": "hunter2"}


def test_a_variable_that_the_job_lacks_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        from_environment({"A": "hunter2", "B": ""}, secrets_from_environment=["A", "B", "C"])
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith("web1: secrets_from_environment: B, C is not set, or empty")
    assert "hunter2" not in str(caught.value)


def test_a_variable_of_the_job_that_is_too_long_is_refused_without_its_value() -> None:
    with pytest.raises(UsageError, match="secrets_from_environment: A is longer") as caught:
        from_environment({"A": "hunter2" * 30_000}, secrets_from_environment=["A"])
    assert "hunter2" not in str(caught.value)


def test_a_variable_has_one_place(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("A=1\n")
    settings = Settings.model_validate(
        {
            "app_name": "notes",
            "domain": "notes.example.com",
            "secrets_file": "secrets.env",
            "secrets_from_environment": ["A"],
        }
    )
    with pytest.raises(UsageError, match="A is also in the settings"):
        load_secrets(settings, tmp_path, "web1", {"A": "2"})
    with pytest.raises(ValueError, match="must not both contain"):
        Settings.model_validate({**settings.model_dump(), "environment": {"A": "3"}})


def test_install_secrets_are_kept_from_the_application(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("TOKEN=1\nUV_INDEX_OURS_PASSWORD=hunter2\n")
    data = {"app_name": "notes", "domain": "notes.example.com", "secrets_file": "secrets.env"}
    names = ["UV_INDEX_OURS_PASSWORD", "UV_INDEX_OURS_USERNAME"]
    settings = Settings.model_validate({**data, "install_secrets": names})
    found = load_secrets(settings, tmp_path, "web1", {"UV_INDEX_OURS_USERNAME": "us"})
    assert found.application == {"TOKEN": "1"}
    assert found.installation == {"UV_INDEX_OURS_PASSWORD": "hunter2", "UV_INDEX_OURS_USERNAME": "us"}
    with pytest.raises(UsageError, match="install_secrets: UV_INDEX_OURS_USERNAME is not set") as caught:
        load_secrets(settings, tmp_path, "web1", {})
    assert "hunter2" not in str(caught.value)
    for key in ({"environment": {"A": "1"}}, {"secrets_from_environment": ["A"]}):
        with pytest.raises(
            ValueError, match=r"install_secrets must not contain a variable that the application gets \(A\)"
        ):
            Settings.model_validate({**data, "install_secrets": ["A"], **key})


def test_passwords_of_visitors_are_kept_from_the_application(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("TOKEN=1\nGUEST=hunter2 hunter2\nSHORT=hunter2\n")
    data = {"app_name": "notes", "domain": "notes.example.com", "secrets_file": "secrets.env"}
    settings = Settings.model_validate({**data, "basic_auth": {"guest": "GUEST", "boss": "BOSS"}})
    found = load_secrets(settings, tmp_path, "web1", {"BOSS": "another of them"})
    assert found.application == {"TOKEN": "1", "SHORT": "hunter2"}
    assert found.proxy == {"GUEST": "hunter2 hunter2", "BOSS": "another of them"}
    with pytest.raises(UsageError, match="basic_auth: BOSS is not set"):
        load_secrets(settings, tmp_path, "web1", {})
    for bad, problem in {"hunter2": "8 to 72", "hunter2" * 11: "8 to 72", "hunter2 hunter2é": "ASCII"}.items():
        with pytest.raises(UsageError, match=rf"basic_auth: BOSS must have .*{problem}") as caught:
            load_secrets(settings, tmp_path, "web1", {"BOSS": bad})
        assert "hunter2" not in str(caught.value)
    for key in ({"environment": {"A": "1"}}, {"secrets_from_environment": ["A"]}, {"install_secrets": ["A"]}):
        with pytest.raises(ValueError, match=r"basic_auth must not name a variable that is for something else \(A\)"):
            Settings.model_validate({**data, "basic_auth": {"guest": "A"}, **key})


@pytest.mark.parametrize("names", [["postgres://hunter2@db"], ["HOMEPORT_X"], ["A", "1"]])
def test_a_value_in_the_place_of_a_name_is_not_repeated(names: list[str]) -> None:
    with pytest.raises(ValueError, match="secrets_from_environment") as caught:
        Settings.model_validate({"app_name": "n1", "domain": "a.example.com", "secrets_from_environment": names})
    assert "hunter2" not in str(caught.value)


def test_secrets_are_in_no_representation_of_what_a_run_holds() -> None:
    from homeport.state.wanted import File

    assert "hunter2" not in repr(File("/etc/x", "A=hunter2", secret=True))
