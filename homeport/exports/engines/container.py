"""An image: a Dockerfile with what it copies, for any engine that runs one. Pure.

Dependencies are in a layer of their own, which a change of code does not touch; the last stage has neither uv nor a
compiler, and the code in it belongs to root. What runs in it is told by one script, the entry point: the server, the
migration, a process or a timer's command.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from homeport.exports.engines.interface import PORT, USER_ID, Engine, File, Subject, with_git_files
from homeport.rendering.filters import shell_quote
from homeport.servers import SERVERS, Place
from homeport.service.model import Service
from homeport.settings import Settings
from homeport.source.tree_contents import OWN_FOLDER

# Beside the Dockerfile; in the image it is the release's `.homeport`.
FOLDER = ".container"
PLACE = f"/app/{OWN_FOLDER}"
# How often the image's health is asked for, and how long an answer may take.
INTERVAL_SECONDS, ANSWER_SECONDS, RETRIES = 5, 5, 3
PATTERN = re.compile(r"[*?\[]")
# A container has addresses of its own, and who reaches them is for its network.
EVERYWHERE = "0.0.0.0"  # noqa: S104
# Stand for what the entry point's shell puts in. No word of a command has such a name.
_PORT, _WORKERS = "@PORT@", "@WORKERS@"


class Container(Engine):
    """Dockerfile, .dockerignore, and the folder with scripts and pins that they need."""

    name = "container"
    summary = "Dockerfile and .dockerignore for an image that any engine runs"
    beside = "application"
    record = f"{FOLDER}/export.json"

    def files(self, subject: Subject) -> Mapping[str, File]:
        """See `Engine.files`."""
        values, service = _values(subject), subject.service
        own = {
            "uv.txt": File(subject.code.tools),
            "entrypoint": File(subject.render("container/entrypoint.sh", **values), executable=True),
            "health.py": File(subject.render("container/health", **values)),
            "access-log.pth": File(subject.render("container/access-log.pth")),
            "import-path.pth": File(subject.render("container/import-path.pth")),
        }
        if service.before_start:
            script = subject.render("systemd/before-start.sh", **values)
            own["before-start"] = File(script, executable=True)
        for name, (template, given) in SERVERS[service.serving.choice.name].files(service.serving).items():
            own[name] = File(subject.render(template, **values, **given))
        for one in subject.code.own_files:
            own[one.path.removeprefix(f"{OWN_FOLDER}/")] = File(one.text, one.executable)
        own = with_git_files(own, self.record.removeprefix(f"{FOLDER}/"))
        return {
            "Dockerfile": File(subject.render("container/Dockerfile", **values)),
            ".dockerignore": File(dockerignore(subject)),
            **{f"{FOLDER}/{name}": file for name, file in own.items()},
        }

    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """See `Engine.next_steps`."""
        by_hand = () if subject.settings.build_image else subject.settings.build_commands
        return (*by_hand, *build_commands(subject))

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield that the classic builder gives no secret to a build, and what a Dockerfile cannot have."""
        settings = subject.settings
        for name, value in settings.environment.items():
            if "\n" in value or "\r" in value:
                problem = f"{name} has several lines, which no Dockerfile can have"
                yield "environment", problem, "move it to secrets_file, or leave it out for this export"
        if subject.builder == "classic" and build_secrets(settings):
            problem = "the classic builder would leave a secret of the build in the image"
            key = "install_secrets" if settings.install_secrets else "build_environment"
            yield key, problem, "export without --classic"
        if subject.builder == "classic" and settings.platforms:
            yield "platforms", "the classic builder builds for its own platform alone", "export without --classic"
        for path in made(settings):
            if PATTERN.search(path):
                yield "release_include", f"{path} is a pattern, which is not copied out of build_image", "name a folder"

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield that a change of code installs anew what is built from the code."""
        if "." in subject.code.inputs:
            yield f"{subject.code.made_from} installs the application's own folder, so each change of code installs all"


def dockerignore(subject: Subject) -> str:
    """Return what of the application's folder a build is not given."""
    code = subject.code
    values = {"app": subject.service.app, "target": subject.target, "ignored": code.ignored, "never": code.never}
    values |= {"there": untracked(subject.settings), "made": made(subject.settings)}
    return subject.render("container/dockerignore", **values)


def made(settings: Settings) -> tuple[str, ...]:
    """Return the files and folders that a stage of the image makes, below the application's folder."""
    return settings.release_include if settings.build_image else ()


def untracked(settings: Settings) -> tuple[str, ...]:
    """Return those that the image has from the working tree though git has them not."""
    return () if settings.build_image else settings.release_include


def base_image(subject: Subject) -> str:
    """Return the image with Python that the application's is built from."""
    return subject.settings.base_image or f"python:{subject.code.python}-slim"


def build_secrets(settings: Settings) -> tuple[str, ...]:
    """Return the variables of whoever builds the image that the build is given, and the image has not."""
    of_commands = settings.build_environment if settings.build_image else ()
    return tuple(dict.fromkeys((*settings.install_secrets, *of_commands)))


def build_options(platforms: Sequence[str], release: str, committed: str, secrets: Sequence[str]) -> list[str]:
    """Return what an image's build is told: its platforms (the builder's own without any), its release, and which
    variables are its secrets. BuildKit has `committed` (seconds since the epoch, "" for another builder) as the
    image's time, so that the same commit is the same image as far as its files are.
    """
    words = ["--platform", ",".join(platforms)] if platforms else []
    words += ["--build-arg", f"RELEASE={release}"]
    words += ["--build-arg", f"SOURCE_DATE_EPOCH={committed}"] if committed else []
    return words + [word for name in secrets for word in ("--secret", f"id={name},env={name}")]


def build_commands(subject: Subject) -> tuple[str, ...]:
    """Return the command that builds the image, to be run in the application's folder.

    An image of several platforms is pushed as it is built, since Docker's own store has no place for it.
    """
    settings = subject.settings
    several = len(settings.platforms) > 1
    committed = '"$(git log -1 --format=%ct)"' if subject.builder == "buildkit" else ""
    options = build_options(
        settings.platforms, '"$(git describe --always --dirty)"', committed, build_secrets(settings)
    )
    words = ["docker", *(["buildx"] if several else []), "build", *options]
    return (" ".join([*words, "-t", subject.image, *(["--push"] if several else []), "."]),)


def start_seconds(service: Service, kill_seconds: int = 10) -> int:
    """Return how long a container may take until it is healthy: migration, `before_start` and the server's start."""
    migration = service.migration.timeout_seconds if service.migration.where == "here" else 0
    before = sum(step.timeout_seconds + kill_seconds for step in service.before_start)
    return service.health.timeout_seconds + migration + before


def command(service: Service, workers: int) -> str:
    """Return the server's command for the entry point's shell, which has `$PORT` and `$workers`."""
    serving = replace(service.serving, workers=workers)
    words = [*SERVERS[serving.choice.name].command(serving, Place(EVERYWHERE, _PORT, PLACE))]
    words[words.index("--workers") + 1] = _WORKERS
    line = " ".join(shell_quote(word) for word in words)
    return line.replace(_PORT, '"$PORT"').replace(_WORKERS, '"$workers"')


def _values(subject: Subject) -> dict[str, object]:
    settings, service, code = subject.settings, subject.service, subject.code
    alone, several = command(service, 1), command(service, 2)
    return {
        "app": service.app,
        "target": subject.target,
        "domain": settings.domain,
        # A file that named its release would be another one at each commit.
        "release_id": "of this image",
        "made_from": code.made_from,
        "base_image": base_image(subject),
        "build_image": settings.build_image,
        "build": list(_build_lines(settings)),
        "build_environment": settings.build_environment,
        "made": [json.dumps([f"/app/{path}", f"./{path}"], ensure_ascii=False) for path in made(settings)],
        "buildkit": subject.builder == "buildkit",
        "packages": settings.packages,
        "install_secrets": settings.install_secrets,
        "copies": list(_copies(code.inputs)),
        "own_inputs": code.own_inputs,
        "install": [" ".join(shell_quote(word) for word in words) for words in code.install],
        "program": SERVERS[service.serving.choice.name].program[0],
        "user_id": USER_ID,
        "port": PORT,
        "state": service.state_directory,
        "state_folders": code.state_folders,
        "state_files": code.state_files,
        "import_path": ":".join(posixpath.join("/app", folder).rstrip("/") for folder in service.import_folders),
        "environment": [(name, _docker_quote(value)) for name, value in service.environment],
        "access_log": service.serving.access_log,
        "secret_names": service.secret_names,
        "alone": alone,
        "several": None if several == alone else several,
        "workers": service.serving.workers,
        "worker_megabytes": settings.worker_memory_megabytes,
        **_lifecycle(service),
    }


def _build_lines(settings: Settings) -> Iterator[str]:
    """Yield the operands of RUN for `build_commands`: each for a shell of its own, with the build's secrets."""
    given = "".join(f'{name}="$(cat /run/secrets/{name})"; export {name}; ' for name in settings.build_environment)
    for line in settings.build_commands:
        yield json.dumps(["/bin/sh", "-euc", given + line], ensure_ascii=False)


def _lifecycle(service: Service) -> dict[str, object]:
    """Return what templates are given of start, health and stop."""
    return {
        "health": service.health,
        "start_seconds": start_seconds(service),
        "interval": INTERVAL_SECONDS,
        "answer": ANSWER_SECONDS,
        "retries": RETRIES,
        "stop_signal": service.stop_signal,
        "migrates": service.migration.where != "nowhere",
        "commands": service.migration.commands,
        "migrate_seconds": service.migration.timeout_seconds,
        "before_start": service.before_start,
        "kill_seconds": 10,
        "processes": service.processes,
        "timers": service.schedules,
    }


def _copies(inputs: tuple[str, ...]) -> Iterator[str]:
    """Yield the operands of `COPY` that bring the inputs to where they were; COPY itself forgets folders.

    It puts variables in, and takes brackets of a source for a pattern (Dockerfile reference, COPY).
    """
    if "." in inputs:
        yield json.dumps([".", "./"])
        return
    for path in inputs:
        plain = path.replace("$", "\\$")
        yield json.dumps([plain.replace("[", "[[]"), f"./{plain}"], ensure_ascii=False)


def _docker_quote(value: str) -> str:
    r"""Return a value as ENV has it between double quotes: `\`, `"` and `$` are escaped (Dockerfile reference, ENV)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
