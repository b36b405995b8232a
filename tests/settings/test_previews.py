"""The settings of a preview: what it has of its owner's, and what of production's never comes along."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.settings import Settings
from homeport.settings.loading import load
from homeport.settings.previews import LEFT_OUT, slug
from homeport.settings.types import LONGEST_APP_NAME

UNTIL = "2030-01-04T10:00:00Z"
OWNER: dict[str, Any] = {
    "app_name": "notes",
    "domain": "notes.example.com",
    "secrets_file": "secrets/production.age",
    "secrets_from_environment": ["TOKEN"],
    "environment": {
        "DATABASE_URL": "sqlite:////var/lib/notes/notes.db",
        "OTHER": "/var/lib/notes-admin",
        "LOG": "info",
    },
    "hooks_after_live": ["curl https://purge.example.com"],
    "firewall_open": ["5432/tcp"],
    "reboot_time": "03:30",
    "sandbox_writable_paths": ["/srv/shared"],
    "processes": {"worker": "python -m worker"},
    "port_blue": 8101,
    "port_green": 8102,
}


def preview(branch: str = "feature/Login", **data: Any) -> Settings:
    return load({**OWNER, **data, "preview": {"branch": branch, "until": UNTIL}}, "web1")


def refusal(branch: str = "x", **data: Any) -> str:
    with pytest.raises(UsageError) as caught:
        preview(branch, **data)
    return caught.value.line()


def test_a_preview_is_another_application_below_a_path_of_its_owners_name() -> None:
    found = preview(domain_aliases=["www.example.com"], allow_from=["192.0.2.0/24"], hsts_seconds=5)
    assert (found.app_name, found.url) == (
        "notes-feature-login",
        "https://notes.example.com/preview/feature-login/",
    )
    assert found.mounted_on == "notes"
    assert found.preview is not None
    assert (found.preview.of, found.preview.branch, found.preview.until) == ("notes", "feature/Login", UNTIL)
    assert not {found.port_blue, found.port_green} & {8101, 8102}
    assert found.processes == load(OWNER, "web1").processes


def test_with_a_domain_for_previews_each_has_a_name_of_its_own_and_keeps_the_edges() -> None:
    found = preview(preview_domain="preview.example.com", allow_from=["192.0.2.0/24"], static={"/static": "static"})
    assert found.url == "https://feature-login.preview.example.com/"
    assert (found.mounted_on, found.domains) == (None, ("feature-login.preview.example.com",))
    assert found.allow_from
    assert found.served


def test_of_a_mounted_application_it_is_below_a_path_of_the_same_name() -> None:
    found = preview(mounted_on="site", mount_path="/notes")
    assert (found.mounted_on, found.mount_path) == ("site", "/preview/notes-feature-login")


def test_nothing_of_productions_own_comes_along() -> None:
    """Each of these settings has its default; what the machine has is left to its other applications to say."""
    found, plain = preview(), load({"app_name": "notes", "domain": "notes.example.com"}, "web1")
    mine = {"keep_releases", "secrets_file", "proxy"}
    differing = [name for name in LEFT_OUT if name not in mine and getattr(found, name) != getattr(plain, name)]
    assert differing == []
    assert found.secrets_file is None
    assert "reboot_time" not in found.model_fields_set


def test_the_state_directory_in_its_variables_is_its_own_and_its_own_variables_win() -> None:
    found = preview(preview_environment={"LOG": "debug", "PREVIEW": "yes"}, preview_secrets_file="secrets/preview.age")
    assert found.environment == {
        "DATABASE_URL": "sqlite:////var/lib/notes-feature-login/notes.db",
        "OTHER": "/var/lib/notes-admin",
        "LOG": "debug",
        "PREVIEW": "yes",
    }
    assert found.secrets_file == "secrets/preview.age"


def test_its_memory_is_fixed_and_one_release_runs_at_a_time() -> None:
    found = preview(memory_max_megabytes=4000, workers=8, preview_memory_megabytes=128)
    assert (found.memory_max_megabytes, found.workers, found.worker_memory_megabytes) == (128, 1, 128)
    assert found.switch == "restart"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"static": {"/static": "static"}}, "web1: static: a preview below a path cannot have it: let the application"),
        ({"server": "granian"}, "web1: server: a preview below a path cannot have it: granian cannot be told"),
        ({"proxy": "haproxy"}, "web1: proxy: a preview below a path cannot have it: with HAProxy each name"),
        ({"app_name": "a" * 23}, "web1: app_name: with 23 characters it leaves no room for a branch"),
    ],
)
def test_what_a_preview_cannot_have_is_refused_by_name_and_with_a_way_out(data: dict[str, Any], said: str) -> None:
    line = refusal(**data)
    assert line.startswith(said)
    assert "preview_domain" in line or "at most" in line
    assert "\n" not in line


def test_two_applications_and_two_branches_have_ports_of_their_own() -> None:
    found = [preview(branch, app_name=app) for app in ("notes", "shop") for branch in ("a", "b")]
    assert len({port for one in found for port in (one.port_blue, one.port_green)}) == 8


@given(st.text(min_size=1, max_size=200), st.integers(8, 29))
def test_any_branch_has_a_label_that_names_and_hosts_may_have(branch: str, longest: int) -> None:
    label = slug(branch, longest)
    assert 0 < len(label) <= longest
    assert label == label.strip("-")
    assert set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not f"-{label}".endswith("-migrate")
    assert slug(branch, longest) == label


def test_a_branch_that_has_to_be_cut_is_told_from_others_that_begin_like_it() -> None:
    first, second = (slug(f"feature/a-long-name-for-a-branch-{end}", 20) for end in ("one", "two"))
    assert first != second
    found = preview("feature/a-long-name-for-a-branch")
    assert len(found.app_name) <= LONGEST_APP_NAME
    assert preview("migrate").app_name.startswith("notes-migrate-")


def test_the_seed_runs_once_and_again_only_while_it_has_not_succeeded(tmp_path: Path) -> None:
    seed = preview(preview_seed_command="""echo "it's" >>"$STATE_DIRECTORY/rows"; false; echo no >>rows""")
    [step] = seed.before_start

    def start() -> int:
        done = subprocess.run(["sh", "-euc", step.command], env={"STATE_DIRECTORY": str(tmp_path)}, check=False)
        return done.returncode

    assert start() != 0
    assert start() != 0
    assert (tmp_path / "rows").read_text() == "it's\nit's\n"
    [step] = preview(preview_seed_command='echo seeded >>"$STATE_DIRECTORY/rows"').before_start
    assert (start(), start()) == (0, 0)
    assert (tmp_path / "rows").read_text() == "it's\nit's\nseeded\n"
