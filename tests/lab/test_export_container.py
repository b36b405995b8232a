"""An exported image on a real engine: built, run, stopped; its layers, its secrets and its state."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.exports.dockerignore import Ignored
from homeport.lab import Lab
from tests.exports.test_ignored import LIKELY, SHAPES, files_below, lines_for, repository_of
from tests.lab.api_pages import assert_pages_load
from tests.lab.containers import Engine, engine
from tests.lab.exported import (
    BASE,
    HEALTHY_SECONDS,
    LIMIT_MEGABYTES,
    MADE_READY,
    SENTINEL,
    Exported,
    buildkit_client,
    export_options,
    make_base,
)
from tests.lab.project import until

pytestmark = pytest.mark.lab
RUN = ("--init", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

# Counts the processes of a container that have the secret.
WITH_SECRET = f"""
import glob
print(sum(b'TOKEN={SENTINEL}' in open(one, 'rb').read() for one in glob.glob('/proc/[0-9]*/environ')))
"""


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder) as found:
        make_base(found, lab)
        yield found


@pytest.fixture(scope="module")
def exported(lab: Lab, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The project, and its image `notes:one`, by the newest builder that there is."""
    found = Exported.create(tmp_path_factory.mktemp("project") / "project", lab, docker)
    found.homeport("export", "container", "production", *export_options())
    found.build("one")
    return found


@contextmanager
def running(exported: Exported, name: str, tag: str, *options: str) -> Iterator[str]:
    """Run a container of the image with its state in the volume `state`, until it is healthy."""
    docker = exported.engine.docker
    docker(
        *("run", "--detach", "--name", name, *RUN, "--volume", "state:/var/lib/notes", "--env", f"TOKEN={SENTINEL}"),
        *options,
        f"notes:{tag}",
    )
    try:
        assert until(lambda: exported.health(name) == "healthy", HEALTHY_SECONDS), logs(exported, name)
        yield name
    finally:
        docker("rm", "--force", name, check=False)


def logs(exported: Exported, name: str) -> str:
    done = exported.engine.docker("logs", name, check=False)
    return done.stdout + done.stderr


def layers(exported: Exported, tag: str) -> list[str]:
    found: list[str] = json.loads(
        exported.engine.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", f"notes:{tag}").stdout
    )
    return found


def test_it_serves_as_nobody_with_nothing_to_write_but_its_state_and_ends_with_lifespans_end(
    exported: Exported,
) -> None:
    with running(exported, "serving", "one") as name:
        assert '"status":"ok"' in exported.ask(name, "/health")
        assert exported.python(name, "import os; print(os.getuid(), os.getgid())") == "10001 10001"
        tried = exported.engine.docker(
            "exec", name, "sh", "-c", "echo >/app/x; echo >/etc/x; touch /var/lib/notes/x", check=False
        )
        assert tried.stderr.count("Read-only file system") == 2
        assert exported.engine.docker("exec", name, "test", "-e", "/var/lib/notes/x").returncode == 0
        assert (
            exported.engine.docker("exec", name, "sh", "-c", "command -v gcc uv pip || test ! -e /opt/uv").stdout == ""
        )
        began = time.monotonic()
        exported.engine.docker("stop", "--time", "60", name)
        print(f"docker stop took {time.monotonic() - began:.2f} s")
        # Not killed: by then lifespan's end has run, and what it said is the last thing said.
        assert exported.engine.docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() in ("0", "143")
        assert "stopped" in logs(exported, name)
        assert "Finished server process" in logs(exported, name)


def test_the_shell_form_does_not_pass_the_stop_on(exported: Exported) -> None:
    """What the entry point is for: the same server below a shell is killed, and lifespan's end does not run."""
    docker = exported.engine.docker
    words = ("--entrypoint", "sh", "notes:one", "-c", "fastapi run main.py --port 8000; true")
    docker("run", "--detach", "--name", "shell", "--volume", "state:/var/lib/notes", *words)
    try:
        assert until(lambda: "Application startup complete" in logs(exported, "shell"), HEALTHY_SECONDS)
        docker("stop", "--time", "3", "shell")
        assert docker("inspect", "--format", "{{.State.ExitCode}}", "shell").stdout.strip() == "137"
        assert "Finished server process" not in logs(exported, "shell")
    finally:
        docker("rm", "--force", "shell", check=False)


def test_no_layer_and_no_line_of_the_history_has_a_secret_nor_what_is_not_the_applications(
    exported: Exported, tmp_path: Path
) -> None:
    saved = tmp_path / "image.tar"
    exported.engine.docker("save", "--output", str(saved), "notes:one")
    subprocess.run(["tar", "x", "-C", str(tmp_path), "-f", str(saved)], check=True)
    saved.unlink()
    assert subprocess.run(["grep", "-rqaF", SENTINEL, str(tmp_path)], check=False).returncode == 1
    # The check sees what is there: a name of the application's is found in the same way.
    assert subprocess.run(["grep", "-rqaF", "notes: worker %d stopped", str(tmp_path)], check=False).returncode == 0
    history = exported.engine.docker("history", "--no-trunc", "notes:one").stdout
    assert "homeport" in history
    assert SENTINEL not in history
    listed = exported.engine.docker("run", "--rm", "--entrypoint", "ls", "notes:one", "-A", "/app").stdout.split()
    assert {"main.py", ".venv", ".homeport"} <= set(listed)
    assert not {".git", ".env", "production.env", "Dockerfile", ".container"} & set(listed)


def built_context(docker: Engine, program: str, folder: Path, file: Path) -> set[str]:
    """Have a client build an image that has what it is given of a folder, and nothing else; return the files."""
    client = [program, "--host", f"unix://{docker.socket}"]
    own = {**os.environ, "DOCKER_BUILDKIT": "0" if program == "docker" else "1"}
    words = [*client, "build", "--file", str(file), "--tag", "context", str(folder)]
    subprocess.run(words, env=own, check=True, capture_output=True)
    container = docker.docker("create", "context").stdout.strip()
    archive = file.with_suffix(".tar")
    docker.docker("export", "--output", str(archive), container)
    docker.docker("rm", container)
    with tarfile.open(archive) as opened:
        return {one.name.removeprefix("context/") for one in opened if one.isfile() and one.name.startswith("context/")}


def test_a_builder_leaves_out_what_the_rules_say(docker: Engine, tmp_path: Path) -> None:
    """What the cheap tests ask of `Ignored` (tests/exports/test_ignored.py), asked of real ones, of Debian 12's too."""
    file = tmp_path / "Dockerfile"
    file.write_text('FROM scratch\nCOPY . /context/\nCMD ["none"]\n')
    names = (
        "between the root and the folder",
        "a folder that is taken back",
        "names",
        "keys that git knows nothing of",
    )
    for number, name in enumerate(names):
        application, files, ignored = SHAPES[name]
        folder = tmp_path / str(number)
        folder.mkdir()
        lines = [*lines_for(repository_of(folder, application, files, ignored), application), ".dockerignore"]
        known = Ignored(lines)
        expected = {path for path in files_below(folder / application) if path not in known}
        (folder / application / ".dockerignore").write_text("".join(f"{line}\n" for line in lines))
        for program in filter(None, ("docker", buildkit_client())):
            found = built_context(docker, program, folder / application, file)
            assert found == expected, (name, program)
            assert not found & {*ignored, *LIKELY}


def test_a_change_of_the_code_reuses_the_dependencies_and_state_outlives_the_release(exported: Exported) -> None:
    with running(exported, "first", "one") as name:
        assert "kept note" in exported.ask(name, "/notes", '{"text": "kept note"}')
    exported.project.write("extra.py", "ADDED = True\n")
    began = time.monotonic()
    exported.build("two")
    print(f"the second build took {time.monotonic() - began:.1f} s")
    one, two = layers(exported, "one"), layers(exported, "two")
    # Its last two layers are the environment and the code.
    assert len(one) == len(two)
    assert [a == b for a, b in zip(one, two, strict=True)] == [True] * (len(one) - 1) + [False]
    with running(exported, "second", "two") as name:
        assert exported.python(name, "import extra; print(extra.ADDED)") == "True"
        assert "kept note" in exported.ask(name, "/notes")
        assert '"release":"two"' in exported.ask(name, "/health")
    assert exported.homeport("export", "container", "production", *export_options(), "--check") == "app: up to date\n"


def test_what_is_written_beside_the_code_begins_as_the_code_brings_it_and_outlives_the_release(
    exported: Exported, lab: Lab, tmp_path: Path
) -> None:
    other = Exported.create(tmp_path / "project", lab, exported.engine, state_paths=["pages", "seen.txt"])
    docker = other.engine.docker
    (other.project.app / "pages").mkdir()
    other.project.write("pages/first.html", "of the code")
    other.homeport("export", "container", "production", *export_options())
    other.build("writes")
    with running(other, "writes", "writes") as name:
        assert docker("exec", name, "cat", "pages/first.html").stdout == "of the code"
        docker("exec", name, "sh", "-c", "echo mine >pages/mine.html; echo seen >seen.txt")
    other.project.write("pages/first.html", "of a later release")
    other.build("later")
    with running(other, "later", "later") as name:
        kept = docker("exec", name, "sh", "-c", "cat pages/first.html pages/mine.html seen.txt").stdout
        assert kept == "of the codemine\nseen\n"


def test_a_container_has_as_many_workers_as_it_is_told(exported: Exported) -> None:
    with running(exported, "several", "one", "--env", "WEB_CONCURRENCY=3") as name:
        begun = re.compile(r"notes: worker (\d+) started")
        assert until(lambda: len(set(begun.findall(logs(exported, name)))) == 3), logs(exported, name)


def test_a_missing_secret_and_a_wrong_port_are_a_line_and_status_2(exported: Exported) -> None:
    docker = exported.engine.docker
    done = docker("run", "--rm", "notes:one", check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "homeport: the secret TOKEN is missing: give it as a variable, or as the file /run/secrets/TOKEN\n",
    )
    done = docker(
        "run",
        "--rm",
        "--env",
        "TOKEN=x",
        "--env",
        "PORT=http",
        "--env",
        "HOMEPORT_MIGRATE=no",
        "notes:one",
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "homeport: PORT is not a port number: http\n")


def installed(exported: Exported, folder: Path) -> Path:
    """Export for Docker, and put script, tag and secret below `folder`, in the place of /; return the script."""
    exported.homeport("export", "docker", "production", "--secrets")
    text = (exported.project.folder / "exports" / "docker" / "container").read_text()
    script = folder / "container"
    script.write_text(text.replace("/etc/$app", f"{folder}/etc").replace("/run/$app", f"{folder}/run"))
    script.chmod(0o755)
    (folder / "etc" / "secrets").mkdir(parents=True)
    (folder / "etc" / "tag").write_text("one\n")
    secret = folder / "etc" / "secrets" / "TOKEN"
    secret.write_text(SENTINEL)
    secret.chmod(0o400)
    # As install.sh does it. The folder is pytest's user's alone; an engine mounts as root.
    os.chown(secret, 10001, 10001)
    return script


def run(exported: Exported, script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the exported script, as its unit does."""
    command = [str(script), *words]
    return subprocess.run(command, env=dict(exported.environment), capture_output=True, text=True, check=False)


@contextmanager
def served(exported: Exported, script: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have the exported script serve, and be healthy; its log is beside it."""
    with (script.parent / "log").open("ab") as log:
        server = subprocess.Popen([str(script), "serve"], env=dict(exported.environment), stdout=log, stderr=log)
        try:
            assert until(lambda: exported.health("notes") == "healthy", HEALTHY_SECONDS), log.name
            yield server
        finally:
            exported.engine.docker("rm", "--force", "notes", check=False)
            server.wait(60)


def test_the_exported_script_runs_it_closed_up_migrates_once_and_stops_it(exported: Exported, tmp_path: Path) -> None:
    """`homeport export docker`, without the machine that its units are for."""
    script = installed(exported, tmp_path)

    prepared = run(exported, script, "prepare")
    assert prepared.returncode == 0, prepared.stderr
    assert "Running upgrade" in prepared.stdout + prepared.stderr
    assert run(exported, script, "prepare").stdout == ""
    with served(exported, script) as server:
        assert run(exported, script, "wait-healthy").returncode == 0
        # The server has it, and what the engine tells of the container has not.
        assert exported.python("notes", WITH_SECRET) != "0"
        assert SENTINEL not in exported.engine.docker("inspect", "notes").stdout
        assert run(exported, script, "stop").returncode == 0
        assert server.wait(60) in (0, 143)
        assert "Finished server process" in (tmp_path / "log").read_text()
    assert (tmp_path / "log").read_text().count(MADE_READY) == 1


def test_another_tag_is_a_release_and_the_way_back_and_the_scripts_container_is_limited(
    exported: Exported, tmp_path: Path
) -> None:
    exported.settings(memory_max_megabytes=LIMIT_MEGABYTES)
    script = installed(exported, tmp_path)
    main = (exported.project.app / "main.py").read_text()
    exported.put_below("/v1")
    exported.build("prefixed")
    exported.project.write("main.py", main)

    def get(path: str) -> str:
        return exported.ask("notes", path)

    for number, tag in enumerate(("one", "prefixed", "one")):
        (tmp_path / "etc" / "tag").write_text(f"{tag}\n")
        assert run(exported, script, "prepare").returncode == 0
        began = time.monotonic()
        with served(exported, script):
            print(f"{tag} is healthy {time.monotonic() - began:.1f} s after the one before has ended")
            assert f'"release":"{tag}"' in get("/health")
            if number == 0:
                exported.ask("notes", "/notes", '{"text": "note of the script"}')
            assert "note of the script" in get("/notes")
            assert_pages_load(get, "/v1" if tag == "prefixed" else "")
            assert exported.is_limited("notes")
            assert run(exported, script, "stop").returncode == 0
        assert (tmp_path / "log").read_text().count(MADE_READY) == number + 1


def test_the_other_builder_makes_an_image_that_serves_too(exported: Exported, lab: Lab, tmp_path: Path) -> None:
    other = Exported.create(tmp_path / "project", lab, exported.engine)
    other.homeport("export", "container", "production", "--classic")
    other.build("classic", classic=True)
    with running(other, "classic", "classic") as name:
        assert '"status":"ok"' in other.ask(name, "/health")
    assert BASE in (other.project.app / "Dockerfile").read_text()


def test_a_stage_of_its_own_builds_what_git_does_not_have(exported: Exported, lab: Lab, tmp_path: Path) -> None:
    other = Exported.create(tmp_path / "project", lab, exported.engine)
    commands = ["mkdir web", 'printf "made of %s" "$(cat STATE)" >web/index.html']
    other.settings(build_image=BASE, build_commands=commands, release_include=["web"])
    other.project.write(".gitignore", "web/\n")
    other.project.write("STATE", "the code")
    stale = other.project.app / "web"
    stale.mkdir()
    (stale / "old.html").write_text("of an earlier build")
    other.homeport("export", "container", "production", *export_options())
    other.build("built")
    found = exported.engine.docker("run", "--rm", "--entrypoint", "sh", "notes:built", "-c", "ls web; cat web/*")
    assert found.stdout.split("\n") == ["index.html", "made of the code"]
