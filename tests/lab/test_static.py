"""Files of a release by the proxy alone, on a real machine: a frontend, older pages' assets, and who tries for more.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.clients import KeptConnection, NewConnection, Target
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.load import Kind, load
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
MAIN = '''"""An application below a frontend: an API, a form, a stream of its own, and its documentation."""

import os

from fastapi import FastAPI, HTTPException, Request
from fastapi.staticfiles import StaticFiles

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"release": os.environ["HOMEPORT_RELEASE"], "slot": os.environ["HOMEPORT_SLOT"]}


@app.get("/api/items/{item}")
def item(item: int) -> dict[str, int]:
    if item > 99:
        raise HTTPException(404, "no such item")
    return {"item": item}


@app.post("/login")
def login() -> dict[str, bool]:
    return {"in": True}


@app.post("/")
def root() -> dict[str, bool]:
    return {"posted": True}


@app.get("/as-it-came/{rest:path}")
def as_it_came(request: Request) -> dict[str, str]:
    return {"path": request.scope["raw_path"].decode(), "query": request.url.query}
'''
MOUNT = 'app.mount("/static", StaticFiles(directory=os.path.join(os.path.dirname(__file__), "app/static")))\n'
PAGE = ("-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
STATIC, SPA = {"/static": "app/static"}, {"/": "web/dist"}
SECRET = "k33p-out"
OLD: dict[str, object] = {"static": {}, "spa": {}}
NEW: dict[str, object] = {"static": STATIC, "spa": SPA}
HOSTILE = (
    *("/static/../main.py", "/static/%2e%2e/main.py", "/static/..%2f..%2fmain.py", "/static/..%252fmain.py"),
    *("/static/....//main.py", "/static/..;/main.py", "/static/%5c..%5cmain.py", "/static/%00", "/static/a.css%00.js"),
    *("/static/.env", "/.env", "/assets/../.env", "/.git/config", "/%2e%67it/config", "/static/linked.txt"),
    *("/static/passwd.txt", "/slots/hello_blue/plain/.env", "/bridge/../releases", "/../../../etc/passwd"),
    *("//etc/passwd", "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/.homeport/files", "/web/dist/.env"),
    *("/main.py", "/app/static/a.css/../../../main.py", "/static/%c0%ae%c0%ae/main.py", "/static/a.css/"),
)


@dataclass
class Answer:
    """What the site says to one question."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Stage:
    """A machine that serves, and the project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen

    def build(self, number: int) -> None:
        """Have the frontend as its builder makes it for a release: an asset with a hash, an index that names it."""
        dist = self.project.app / "web/dist"
        for old in dist.glob("assets/*"):
            old.unlink()
        self.write("web/dist/index.html", f'<!doctype html><script src="/assets/index-{number}f3a9c1b.js"></script>')
        self.write(f"web/dist/assets/index-{number}f3a9c1b.js", f"// release {number}\n" + "x();\n" * 500)
        self.write("app/static/which.json", json.dumps({"release": str(number)}))

    def write(self, path: str, text: str) -> None:
        place = self.project.app / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def deploy(self, **data: object) -> None:
        settle_data(self.project, **data)
        if self.project.git("status", "--porcelain"):
            self.project.commit("change")
        self.project.deployed(self.host)

    def ask(self, path: str, *options: str) -> Answer:
        done = self.seen.curl(path, "-i", "--path-as-is", *options)
        assert done.returncode == 0, (path, done.stderr)
        head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
        first, *others = head.splitlines()
        return Answer(int(first.split()[1]), dict(line.lower().split(": ", 1) for line in others), text)


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("files")
    project = Project.create(tmp_path_factory.mktemp("files") / "project", lab, "hello")
    stage = Stage(project, host, Seen(lab, host))
    settle_data(project, drain_timeout_seconds=1, environment={"TOKEN": SECRET}, keep_releases=3)
    stage.build(0)
    for path, text in {
        "main.py": MAIN + MOUNT,
        "app/static/a.css": "body { color: red }\n" * 200,
        "app/static/mod.mjs": "export {}\n",
        "app/static/.env": f"TOKEN={SECRET}\n",
        "web/dist/.env": f"TOKEN={SECRET}\n",
        "web/dist/.well-known/assetlinks.json": "[]",
        "web/dist/guide/index.html": "the guide",
        "private/key.txt": SECRET,
    }.items():
        stage.write(path, text)
    (project.app / "app/static/linked.txt").symlink_to("../../private/key.txt")
    stage.deploy()
    yield stage
    lab.remove(host.name)


def test_no_file_is_lost_as_the_proxy_takes_them_over_from_the_application_and_gives_them_back(stage: Stage) -> None:
    """Its site changes in another moment than the live slot: in between, one of the two has to have the file."""
    target = Target(stage.host.domain, stage.host.address, stage.project.lab.directory.ca_file, stage.seen.https_port)
    place = "/static/which.json"
    kinds = {
        "kept": Kind(2, 0.02, lambda target: KeptConnection(target, "GET", place)),
        "new": Kind(1, 0.04, lambda target: NewConnection(target, "GET", place)),
    }
    stage.write("main.py", MAIN + MOUNT)
    with load(target, kinds) as report:
        for number, settings, main in ((1, NEW, MAIN), (2, OLD, MAIN + MOUNT), (3, NEW, MAIN)):
            stage.build(number)
            stage.write("main.py", main)
            stage.deploy(**settings)
            assert stage.seen.get(place) == {"release": str(number)}
    assert not report.failures, str(report)
    assert report.served("new") == ["0", "1", "2", "3"]


def test_a_file_comes_with_its_type_its_cache_life_and_the_headers_of_the_site(stage: Stage) -> None:
    for path, kind, cache in (
        ("/static/a.css", "text/css; charset=utf-8", "no-cache"),
        ("/static/mod.mjs", "text/javascript; charset=utf-8", "no-cache"),
        ("/.well-known/assetlinks.json", "application/json; charset=utf-8", "no-cache"),
        ("/assets/index-3f3a9c1b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/guide/", "text/html; charset=utf-8", "no-cache"),
    ):
        for more in ((), ("-I",), ("--http2",)):
            answer = stage.ask(path, *more)
            assert (answer.status, answer.headers["content-type"]) == (200, kind), path
            assert answer.headers["cache-control"] == cache, path
            assert "strict-transport-security" in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "last-modified" not in answer.headers
            assert bool(answer.text) == ("-I" not in more)
    whole = stage.ask("/static/a.css")
    same = stage.ask("/static/a.css", "-H", f"If-None-Match: {whole.headers['etag']}")
    assert (same.status, same.text, same.headers["cache-control"]) == (304, "", "no-cache")
    part = stage.ask("/static/a.css", "-H", "Range: bytes=5-9")
    assert (part.status, part.text, part.headers["content-range"]) == (206, whole.text[5:10], "bytes 5-9/4000")
    packed = stage.seen.curl(
        "/static/a.css", "-H", "Accept-Encoding: gzip", "--output", str(stage.project.folder / "z")
    )
    assert packed.returncode == 0
    assert gzip.decompress((stage.project.folder / "z").read_bytes()).decode() == whole.text


def test_a_page_is_the_frontends_where_the_application_has_none_and_nothing_of_its_own_is_hidden(stage: Stage) -> None:
    for path in ("/settings/profile", "/login", "/apis", "/a.b/c"):
        page = stage.ask(path, *PAGE)
        assert (page.status, page.headers["cache-control"]) == (200, "no-cache"), path
        assert "index-3f3a9c1b.js" in page.text
        assert "strict-transport-security" in page.headers
        assert page.headers["vary"] == "accept"
        assert stage.ask(path, *PAGE, "-H", f"If-None-Match: {page.headers['etag']}").status == 304
    for path, options, status in (
        ("/api/items/1", PAGE, 200),
        ("/api/items/100", PAGE, 404),
        ("/api/nothing", PAGE, 404),
        ("/api", PAGE, 404),
        ("/settings/profile", (), 404),
        ("/assets/index-0000dead.js", (), 404),
        ("/static/none.css", (), 404),
        ("/login", ("-X", "POST"), 200),
        ("/", ("-X", "POST"), 200),
        ("/nowhere", ("-X", "POST", *PAGE), 404),
        ("/static/a.css", ("-X", "DELETE"), 404),
        ("/openapi.json", PAGE, 200),
    ):
        answer = stage.ask(path, *options)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json"), path
    assert "swagger" in stage.ask("/docs", *PAGE).text.lower()
    sent = "/as-it-came/a%2fb/%2e%2e/c%20d?x=%2f"
    assert json.loads(stage.ask(sent, *PAGE).text) == {"path": sent.partition("?")[0], "query": "x=%2f"}


def test_nobody_gets_more_than_the_files_of_the_folder(stage: Stage) -> None:
    for path in HOSTILE:
        answer = stage.ask(path)
        assert answer.status in (400, 404), path
        assert SECRET not in answer.text, path
        assert "root:" not in answer.text, path
    for path in HOSTILE:
        assert SECRET not in stage.ask(path, *PAGE).text, path
    inside = stage.seen.shell
    assert "hello" not in inside("id -nG www-data").split()
    assert inside("stat -c '%a %U:%G' /var/www/homeport-static-hello") == "750 root:www-data"
    assert inside("find /var/www/homeport-static-hello/releases ! -type d ! -type f") == ""
    assert SECRET not in inside("grep -r . /var/www/homeport-static-hello/releases | grep -v index- || true")
    assert inside("runuser -u www-data -- cat /srv/hello/slots/*/main.py 2>&1 || true").count("denied")
    assert inside("runuser -u nobody -- ls /var/www/homeport-static-hello 2>&1 || true").count("denied")


def test_a_page_of_an_older_release_gets_its_assets_after_two_more_and_after_a_rollback(stage: Stage) -> None:
    before = stage.ask("/")
    for number in (4, 5):
        stage.build(number)
        (stage.project.app / "app/static/mod.mjs").unlink(missing_ok=True)
        stage.deploy()
    assert "index-5f3a9c1b.js" in stage.ask("/").text
    # Of the same size and the same second, as two builds of one commit are: it is another file all the same.
    assert stage.ask("/", "-H", f"If-None-Match: {before.headers['etag']}").status == 200
    for number in (3, 4, 5):
        asset = stage.ask(f"/assets/index-{number}f3a9c1b.js")
        assert (asset.status, asset.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert asset.text.startswith(f"// release {number}\n")
    assert stage.ask("/static/mod.mjs").status == 404, "a plain name is the live release's alone"
    done = homeport(stage.project, "rollback", "lab", "--limit", "files", "--yes")
    assert done.returncode == 0, done.stdout
    assert "index-4f3a9c1b.js" in stage.ask("/anything", *PAGE).text
    assert stage.seen.get("/static/which.json") == {"release": "4"}
    assert stage.ask("/assets/index-5f3a9c1b.js").status == 200


def test_maintenance_is_for_files_too(stage: Stage) -> None:
    on = ("maintenance", "lab", "--limit", "files")
    assert homeport(stage.project, *on, "on").returncode == 0
    for path in ("/", "/static/a.css", "/assets/index-5f3a9c1b.js", "/deep/page"):
        assert stage.ask(path, *PAGE).status == 503, path
    assert stage.seen.answers()
    assert homeport(stage.project, *on, "off").returncode == 0
    assert stage.ask("/static/a.css").status == 200


def test_a_folder_that_the_release_lacks_is_refused_before_anything_changes(stage: Stage) -> None:
    live = stage.seen.get("/health")["release"]
    settle_data(stage.project, spa={"/": "web/build"})
    said = refusal(stage.project.deploy(stage.host), 2)
    assert "files: spa: the release has no folder web/build (served at /); name one below" in said
    assert stage.seen.get("/health")["release"] == live
    settle_data(stage.project, spa=SPA)


def test_pages_are_the_frontends_at_once_where_the_applications_paths_are_named(stage: Stage) -> None:
    stage.deploy(spa={"/": "web/dist", "/admin": "web/dist"}, api_paths=["/api", "/docs", "/openapi.json"])
    for path in ("/as-it-came/x", "/settings", "/admin/users"):
        assert "index-" in stage.ask(path, *PAGE).text, path
    moved = stage.ask("/admin?a=b", *PAGE)
    assert (moved.status, moved.headers["location"]) == (308, f"https://{stage.host.domain}/admin/?a=b")
    for path in ("/docs", "/openapi.json", "/api/items/1"):
        assert "index-" not in stage.ask(path, *PAGE).text, path
    assert stage.ask("/api/nothing", *PAGE).status == 404
    assert stage.seen.answers()


def test_files_of_removed_releases_go_and_so_do_all_with_the_application(stage: Stage) -> None:
    for number in (6, 7, 8, 9):
        stage.build(number)
        stage.deploy()
    assert stage.ask("/assets/index-3f3a9c1b.js").status == 404
    assert stage.ask("/assets/index-7f3a9c1b.js").status == 200
    kept = stage.seen.shell("ls /srv/hello/releases").split()
    assert sorted(stage.seen.shell("ls /var/www/homeport-static-hello/releases").split()) == sorted(kept)
    done = homeport(stage.project, "remove", "lab", "--limit", "files", "--yes", "--data")
    assert done.returncode == 0, done.stdout
    assert stage.seen.shell("ls -d /var/www/homeport-static* 2>/dev/null || true") == ""
