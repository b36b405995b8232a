"""The image: what its Dockerfile says for each kind of application, and what may not be in it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from homeport.controller.folders import PACKAGE, TEMPLATES
from homeport.exports.engines import ENGINES, Subject
from homeport.source.own_package import OwnFile
from tests.exports.subjects import CODE, subject
from tests.service.kept_units import BEFORE_START, CASES, PROCESSES, Case
from tests.state.builders import SECRET

CONTAINER = ENGINES["container"]


def dockerfile(given: Subject) -> str:
    return CONTAINER.files(given)["Dockerfile"].text


def stage(text: str, name: str) -> str:
    """Return the lines of a stage; "" for the last one."""
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    return (
        next((one for one in stages if one.split("\n")[0].endswith(f" AS {name}")), stages[-1]) if name else stages[-1]
    )


def test_the_base_is_the_official_slim_image_of_the_applications_python_or_the_one_that_is_set() -> None:
    assert "FROM python:3.13-slim AS python\n" in dockerfile(subject())
    digest = "sha256:" + "0" * 64
    assert f"FROM python:3.11-slim@{digest} AS" in dockerfile(
        subject(Case({"base_image": f"python:3.11-slim@{digest}"}))
    )


@pytest.mark.parametrize(
    ("platforms", "begins", "ends"),
    [
        ([], "docker build --build-arg RELEASE=", " -t notes ."),
        (["linux/arm64"], "docker build --platform linux/arm64 --build-arg ", " -t notes ."),
        (["linux/amd64", "linux/arm64"], "docker buildx build --platform linux/amd64,linux/arm64 ", " --push ."),
    ],
)
def test_the_command_builds_for_the_platforms_that_are_set(platforms: list[str], begins: str, ends: str) -> None:
    given = subject(Case({"platforms": platforms}))
    [command] = CONTAINER.next_steps(given)
    assert command.startswith(begins)
    assert command.endswith(ends)
    assert ' --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" ' in command
    classic = replace(given, builder="classic")
    assert "SOURCE_DATE_EPOCH" not in CONTAINER.next_steps(classic)[0]
    assert [key for key, *_ in CONTAINER.problems(classic)] == (["platforms"] if platforms else [])


def test_hadolint_has_nothing_to_say(tmp_path: Path) -> None:
    build = {"build_image": "node:22-slim", "build_commands": ["npm --prefix web ci"], "release_include": ["web/dist"]}
    cases = (
        Case(),
        Case({"before_start": BEFORE_START}),
        Case({**build, "packages": ["libpq5"], "build_environment": ["NPM_TOKEN"]}),
    )
    texts = [dockerfile(subject(cases[0], builder="classic")), *(dockerfile(subject(case)) for case in cases)]
    files = [tmp_path / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    # DL3008 wants versions of Debian's packages: its archive has one at a time, so a pinned one is soon gone.
    command = [Path(sys.executable).with_name("hadolint"), "--no-color", "--ignore", "DL3008", *files]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_layer_of_dependencies_copies_what_they_are_named_by_and_nothing_else() -> None:
    text = stage(dockerfile(subject()), "dependencies")
    copied = [json.loads(line[5:])[:-1] for line in text.splitlines() if line.startswith("COPY [")]
    assert copied == [["requirements.txt"], [".container/access-log.pth", ".container/import-path.pth"]]
    assert "\nCOPY . " not in text


def test_a_nested_requirements_file_keeps_its_folder_and_a_workspace_its_lock() -> None:
    code = replace(
        CODE,
        inputs=("requirements/base.txt", "libs/one"),
        own_files=(OwnFile(".homeport/lock/uv.lock", "x"), OwnFile(".homeport/packages/a.dist-info/METADATA", "y")),
        own_inputs=("lock", "requirements.in"),
    )
    given = subject(code=code)
    text = stage(dockerfile(given), "dependencies")
    assert 'COPY ["requirements/base.txt", "./requirements/base.txt"]' in text
    assert 'COPY ["libs/one", "./libs/one"]' in text
    assert 'COPY [".container/lock", ".homeport/lock"]' in text
    assert 'COPY [".container/requirements.in", ".homeport/requirements.in"]' in text
    assert "packages" not in text
    files = CONTAINER.files(given)
    assert files[".container/lock/uv.lock"].text == "x"
    assert files[".container/packages/a.dist-info/METADATA"].text == "y"


def test_a_file_of_an_unusual_name_is_copied_by_its_name() -> None:
    code = replace(CODE, inputs=("a b/[x]$y.txt",))
    text = stage(dockerfile(subject(code=code)), "dependencies")
    assert r"""COPY ["a b/[[]x]\\$y.txt", "./a b/[x]\\$y.txt"]""" in text


def test_an_application_that_is_installed_itself_is_copied_whole_and_that_is_said() -> None:
    given = subject(code=replace(CODE, inputs=(".",)))
    assert 'COPY [".", "./"]' in stage(dockerfile(given), "dependencies")
    assert list(CONTAINER.warnings(given)) == [
        "requirements.txt installs the application's own folder, so each change of code installs all"
    ]


def test_caches_are_mounted_where_the_builder_can_and_not_kept_where_it_cannot() -> None:
    mounts = dockerfile(subject())
    assert "# syntax" not in mounts
    assert mounts.count("--mount=type=cache") == 2
    assert "--no-cache" not in mounts
    plain = dockerfile(subject(builder="classic"))
    assert "--mount" not in plain
    assert "/opt/uv/bin/uv --no-cache pip install" in plain
    assert "pip install --no-cache-dir" in plain


def test_a_secret_of_the_installation_is_mounted_and_the_classic_builder_refuses_it() -> None:
    case = Case({"install_secrets": ["UV_INDEX_OURS_PASSWORD"]})
    text = dockerfile(subject(case))
    assert "--mount=type=secret,id=UV_INDEX_OURS_PASSWORD,required=true" in text
    assert 'UV_INDEX_OURS_PASSWORD="$(cat /run/secrets/UV_INDEX_OURS_PASSWORD)" /opt/uv/bin/uv' in text
    assert "ARG UV_INDEX" not in text
    [line] = CONTAINER.next_steps(subject(case))
    assert "--secret id=UV_INDEX_OURS_PASSWORD,env=UV_INDEX_OURS_PASSWORD" in line
    [(key, problem, _)] = CONTAINER.problems(subject(case, builder="classic"))
    assert key == "install_secrets"
    assert "leave a secret of the build in the image" in problem
    assert list(CONTAINER.problems(subject(builder="classic"))) == []


def test_the_last_stage_has_neither_uv_nor_a_compiler_and_runs_as_a_number_that_is_not_root() -> None:
    text = stage(dockerfile(subject(Case({"packages": ["libpq5"]}))), "")
    assert "/opt/uv" not in text
    assert "apt-get install --yes --no-install-recommends libpq5 " in text
    assert "USER 10001:10001" in text
    assert text.index("USER 10001:10001") < text.index("ENTRYPOINT")


def test_entry_point_and_command_are_lists_so_that_no_shell_keeps_the_signals() -> None:
    text = dockerfile(subject())
    assert '\nENTRYPOINT ["/app/.homeport/entrypoint"]\nCMD ["serve"]\n' in text
    assert "STOPSIGNAL SIGTERM" in text


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_file_has_the_value_of_a_secret_and_all_are_the_same_again(case: Case) -> None:
    files = CONTAINER.files(subject(case))
    assert SECRET not in repr(files)
    assert files == CONTAINER.files(subject(case))
    assert "secret TOKEN\n" in files[".container/entrypoint"].text
    assert "undefined" not in repr(files)


def test_variables_are_in_the_image_and_mean_themselves() -> None:
    case = Case({"environment": {"GREETING": 'a "b" $HOME \\ c'}, "access_log": True})
    text = dockerfile(subject(case))
    assert r'ENV GREETING="a \"b\" \$HOME \\ c"' in text
    assert "HOMEPORT_ACCESS_LOG=1" in text
    [(key, problem, _)] = CONTAINER.problems(subject(Case({"environment": {"A": "1\n2"}})))
    assert (key, problem) == ("environment", "A has several lines, which no Dockerfile can have")


@pytest.mark.parametrize(
    ("settings", "entrypoint", "words"),
    [
        ({}, ("main.py",), "fastapi run main.py --host 0.0.0.0 --port @ --workers @ --proxy-headers"),
        (
            {"server": "uvicorn", "worker_timeout_seconds": 9},
            ("app:app",),
            "uvicorn app:app --host 0.0.0.0 --port @ --workers @ --proxy-headers --timeout-worker-healthcheck 9",
        ),
        ({"server": "granian"}, ("app:app",), "granian /app/.homeport/homeport_asgi.py:app --host 0.0.0.0 --port @"),
        ({"server": "hypercorn"}, ("app:app",), "hypercorn /app/.homeport/homeport_asgi.py:app --bind 0.0.0.0:@ "),
        ({"server": "gunicorn"}, ("app:app()",), "gunicorn app:app() --bind 0.0.0.0:@ --workers @ --config"),
    ],
)
def test_each_server_is_told_the_port_and_the_workers_of_its_container(
    settings: dict[str, object], entrypoint: tuple[str, ...], words: str
) -> None:
    files = CONTAINER.files(subject(Case(settings, entrypoint=entrypoint)))
    line = next(line for line in files[".container/entrypoint"].text.splitlines() if line.startswith("    exec "))
    said = " ".join("@".join(re.split(r"\$PORT|\$workers", word)) for word in shlex.split(line)[1:])
    assert said.startswith(words)
    assert ".container/homeport_asgi.py" in files or settings.get("server") not in ("granian", "hypercorn")


def test_what_a_lone_worker_may_not_be_told_is_told_where_there_are_several() -> None:
    case = Case({"server": "uvicorn", "max_requests": 100}, entrypoint=("app:app",))
    text = CONTAINER.files(subject(case))[".container/entrypoint"].text
    alone, several = (line for line in text.splitlines() if "exec uvicorn" in line)
    assert alone.startswith('    [ "$workers" != 1 ] || exec ')
    assert "--limit-max-requests" not in alone
    assert "--limit-max-requests 100" in several


def test_the_health_check_asks_as_a_visitor_of_the_site_and_waits_for_the_steps_before_the_start() -> None:
    case = Case({"health_path": '/h?a="{x}"', "health_status": 204, "health_timeout_seconds": 9}, alembic=False)
    files = CONTAINER.files(subject(case))
    assert "--start-period=9s" in files["Dockerfile"].text
    assert 'PATH = "/h?a=\\"{x}\\""' in files[".container/health.py"].text
    assert "status == 204" in files[".container/health.py"].text
    compile(files[".container/health.py"].text, "health.py", "exec")
    before = subject(Case({"before_start": BEFORE_START}))
    assert "--start-period=800s" in dockerfile(before)  # 60, 300 for the migration, (120 + 10) + (300 + 10)


def test_the_paths_of_imports_and_of_the_log_are_those_of_machines() -> None:
    script = (PACKAGE / "operations" / "scripts" / "dependencies.sh").read_text()
    for name, variable in (("access-log", "quiet"), ("import-path", "own")):
        line = (TEMPLATES / "container" / f"{name}.pth").read_text().splitlines()[-1]
        assert f"\n{variable}='{line}'\n" in script


def test_what_no_image_may_have_is_kept_out_of_the_build() -> None:
    given = subject(code=replace(CODE, ignored=("deploy", "**/.state")))
    lines = CONTAINER.files(given)[".dockerignore"].text.splitlines()
    assert {"**/.git", ".venv", "**/.env", "deploy", "**/.state"} <= set(lines)
    assert lines[-1] == "!.container"


def test_processes_and_timers_run_from_the_same_image() -> None:
    text = CONTAINER.files(subject(Case({**PROCESSES, "before_start": BEFORE_START})))
    script = text[".container/entrypoint"].text
    assert "exec sh -euc 'exec python -m app.worker'" in script
    assert "exec timeout --kill-after=10 60 sh -euc" in script
    assert text[".container/before-start"].executable


def test_a_project_puts_its_own_into_a_block_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    block = "{% block environment %}\n{{ super() }}ENV MORE=1\n{% endblock %}\n"
    own = "{% extends 'homeport/container/Dockerfile' %}\n" + block
    (tmp_path / "container" / "Dockerfile").write_text(own)
    text = dockerfile(subject(Case({"environment": {"A": "1"}}, overrides=tmp_path)))
    assert '\nENV A="1"\nENV MORE=1\n' in text
    assert "USER 10001:10001" in text


def test_a_server_that_answers_anything_is_alive_and_one_that_does_not_answer_is_not(tmp_path: Path) -> None:
    """Liveness on a cluster: a database that is down is no reason to start anew."""
    asked: list[str] = []

    class Unwell(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(503 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    script = tmp_path / "health.py"
    script.write_text(CONTAINER.files(subject())[".container/health.py"].text)

    def status(*words: str) -> int:
        own = {"PORT": str(server.server_port)}
        return subprocess.run(
            [sys.executable, "-I", "-S", str(script), *words], env=own, capture_output=True, check=False
        ).returncode

    with ThreadingHTTPServer(("127.0.0.1", 0), Unwell) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert (status(), status("alive")) == (1, 0)
        assert asked == ["/health", "/.homeport-alive"]
        server.shutdown()
    assert status("alive") == 1
