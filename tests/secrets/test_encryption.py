from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyrage.x25519 import Identity

from homeport.errors import UsageError
from homeport.secrets import keys
from homeport.secrets.encryption import decrypt, encrypt, is_encrypted
from homeport.secrets.loading import load_secrets
from homeport.secrets.secret_file import SecretFile
from homeport.settings import Settings

VALUE = "hunter2-sentinel"


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identity:
    """A key of one's own, and nothing of this machine's."""
    for name in (keys.KEY_VARIABLE, keys.FILE_VARIABLE, "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    keys.generate(keys.key_file())
    return keys.identities()[0]


@pytest.fixture
def file(tmp_path: Path) -> SecretFile:
    file = SecretFile(tmp_path / "secrets" / "production.age")
    file.prepare()
    file.write(f"KEY={VALUE}\n", was=b"")
    return file


def loaded(file: SecretFile) -> dict[str, str]:
    settings = Settings(app_name="notes", domain="notes.example.com", secrets_file=str(file.path))
    return load_secrets(settings, Path("/"), "web1").application


def refusal(file: SecretFile) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(file)
    line = str(caught.value)
    assert caught.value.exit_status == 2
    assert line.startswith("web1: secrets_file: ")
    assert "\n" not in line
    assert VALUE not in line
    assert not re.search("AGE-SECRET-KEY-1[0-9A-Z]", line)
    assert caught.value.__suppress_context__
    return line


def test_the_file_is_recognised_by_its_content_whatever_its_name(file: SecretFile, tmp_path: Path) -> None:
    assert VALUE.encode() not in file.path.read_bytes()
    assert loaded(file) == {"KEY": VALUE}
    other = tmp_path / "anything.env"
    other.write_bytes(file.path.read_bytes())
    assert loaded(SecretFile(other)) == {"KEY": VALUE}


def test_the_binary_form_is_recognised_too(key: Identity, tmp_path: Path) -> None:
    import pyrage

    other = tmp_path / "binary"
    other.write_bytes(pyrage.encrypt(f"KEY={VALUE}\n".encode(), [key.to_public()]))
    assert loaded(SecretFile(other)) == {"KEY": VALUE}


def test_a_plain_file_is_none(tmp_path: Path) -> None:
    assert not is_encrypted(b"KEY=age-encryption.org/v1\n")
    assert not is_encrypted(b"")


def test_the_key_of_a_pipeline_is_in_a_variable(
    file: SecretFile, key: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.key_file().unlink()
    monkeypatch.setenv(keys.KEY_VARIABLE, f"# a remark\n{key}\n")
    assert loaded(file) == {"KEY": VALUE}


def test_without_a_key_it_is_said_where_one_may_be(file: SecretFile) -> None:
    keys.key_file().unlink()
    assert "there is no age key; make one with 'homeport secrets keygen', or set HOMEPORT_AGE_KEY" in refusal(file)


def test_a_wrong_key_is_told_with_its_public_half(file: SecretFile, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Identity.generate()
    monkeypatch.setenv(keys.KEY_VARIABLE, str(other))
    line = refusal(file)
    assert f"is not encrypted for your key ({other.to_public()})" in line
    assert "homeport secrets encrypt" in line


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_an_empty_variable_is_not_passed_over(file: SecretFile, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY_VARIABLE, text)
    assert "HOMEPORT_AGE_KEY: it is empty" in refusal(file)


def test_a_damaged_key_is_named_by_its_line_alone(
    file: SecretFile, key: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.KEY_VARIABLE, f"{key}\n{str(key)[:-3]}")
    assert "HOMEPORT_AGE_KEY: line 2 is not an age key" in refusal(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(file: SecretFile, mode: int) -> None:
    keys.key_file().chmod(mode)
    line = refusal(file)
    assert f"other users can read this key (mode {mode:04o})" in line
    assert "chmod 600" in line


def test_a_new_key_is_its_owners_alone_and_never_overwrites_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "age.key"
    public = keys.generate(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    text = path.read_text()
    assert public in text
    with pytest.raises(UsageError, match="there is a key already"):
        keys.generate(path)
    assert path.read_text() == text


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(position=st.integers(0, 700), change=st.one_of(st.none(), st.binary(max_size=2)))
def test_a_damaged_file_is_one_line_without_its_content(file: SecretFile, position: int, change: bytes | None) -> None:
    good = encrypt(f"KEY={VALUE}\n".encode(), file.path)
    position = min(position, len(good) - 1)
    data = good[:position] + (b"" if change is None else change + good[position + len(change) :])
    file.path.write_bytes(data)
    try:
        # What was cut before its first line is over is no encrypted file any more, but still no variables.
        assert loaded(file) in ({"KEY": VALUE}, {})
    except UsageError:
        refusal(file)


def test_all_recipients_can_read_and_a_line_that_is_none_is_named(file: SecretFile, key: Identity) -> None:
    colleague = Identity.generate()
    file.recipients.write_text(f"{key.to_public()}  # me\n\n{colleague.to_public()}\n")
    data = encrypt(b"A=1\n", file.path)
    import pyrage

    assert pyrage.decrypt(data, [colleague]) == decrypt(data, file.path) == b"A=1\n"
    file.recipients.write_text(f"{key.to_public()}\nhunter2\n")
    with pytest.raises(UsageError, match=r"recipients.txt: line 2 is not an age key"):
        encrypt(b"", file.path)


def test_a_recipients_file_without_the_own_key_is_refused(file: SecretFile) -> None:
    before = file.path.read_bytes()
    file.recipients.write_text(f"{Identity.generate().to_public()}\n")
    with pytest.raises(UsageError, match="your own key is not in it"):
        file.write("A=1\n", was=before)
    assert file.path.read_bytes() == before


def test_an_invalid_secrets_file_is_not_written(file: SecretFile) -> None:
    before = file.path.read_bytes()
    with pytest.raises(UsageError, match=r"line 1 is not NAME=value"):
        file.write("hunter2\n", was=before)
    with pytest.raises(UsageError, match="A is also in the settings"):
        SecretFile(file.path, frozenset({"A"})).write("A=1\n", was=before)
    assert file.path.read_bytes() == before
    assert not list(file.path.parent.glob(".*"))


def test_a_secrets_file_that_changed_meanwhile_is_not_overwritten(file: SecretFile) -> None:
    was = file.stored()
    file.write("A=theirs\n", was=was)
    with pytest.raises(UsageError, match="somebody else has changed the file meanwhile"):
        file.write("A=mine\n", was=was)
    assert file.text() == "A=theirs\n"


def test_the_first_who_makes_secrets_is_the_first_who_can_read_them(tmp_path: Path, key: Identity) -> None:
    file = SecretFile(tmp_path / "new" / "production.age")
    assert file.prepare()
    assert str(key.to_public()) in file.recipients.read_text().splitlines()
    assert not file.prepare()
