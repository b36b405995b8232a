"""Which names say that their content never changes; a plain name that is taken for one shows an old file for a year."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.host.release.static_names import is_public, with_hash


def hashed(*names: str) -> set[str]:
    return {str(path) for path in with_hash([PurePosixPath(name) for name in names])}


# As builders name them, a folder each.
BUILDS: dict[str, tuple[str, ...]] = {
    "webpack": ("static/js/main.8f3a9c1b.js", "static/js/787.0c6e5a3f.chunk.js", "static/js/main.8f3a9c1b.js.map"),
    "Django": ("css/base.55e7cbb9ba48.css", "css/base.55e7cbb9ba48.min.css"),
    "workbox": ("workbox-5ffe50d4.js",),
    "Next": ("_next/static/chunks/framework-0c7baedefba6b077.js", "_next/static/css/1d2e3f4a5b6c7d8e.css"),
    "Vite": ("assets/index-D1f9Xk2a.js", "assets/index-BxYzQdCb.css", "assets/logo-C2_9kLmN.svg"),
    "Vite, compressed": ("assets/index-D1f9Xk2a.js", "assets/index-D1f9Xk2a.js.gz", "assets/index-D1f9Xk2a.js.br"),
    "Vite with a hyphen in it": ("assets/index-Ab-1_xyz.js", "assets/vendor-Qe9Xk2a_.js"),
    "esbuild": ("main-ABC4EFGH.js", "styles-5INURTSO.css"),
    "Nuxt": ("_nuxt/BxYz12_3.js", "_nuxt/entry.CqG5EWQF.css"),
    "SvelteKit": ("_app/immutable/nodes/settings.js", "_app/immutable/assets/font.woff2"),
}
PLAIN = (
    *("index.html", "favicon.ico", "robots.txt", "manifest.webmanifest", "sw.js", "service-worker.js", "registerSW.js"),
    *("app.js", "style.css", "jquery-3.7.1.min.js", "bootstrap.bundle.min.js", "settings.js", "homepage.js"),
    *("app-settings.js", "vue-DropDown.js", "vue-ApexCharts.js", "jQuery17.js", "app-Version2.js", "URLCache.js"),
    *("og-image-1200x630.png", "icon-192x192.png", "apple-touch-icon-1024x1024.png", "mstile-150x150.png"),
    *("report-20240101.pdf", "report-20240101b.pdf", "holiday-IMG12345.jpg", "case-iPhone8s.png", "IMG_2024.jpg"),
    *("roboto-v30-latin-regular.woff2", "deadbeef", "page-8f3a9c1b.html", "LICENSE", "no.ext.", "deadbeef.js"),
)


@pytest.mark.parametrize("names", BUILDS.values(), ids=BUILDS)
def test_what_a_builder_names_is_known(names: tuple[str, ...]) -> None:
    assert hashed(*names) == set(names)


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_name_is_not_taken_for_one_with_a_hash(name: str) -> None:
    assert hashed(name) == set()


def test_plain_names_beside_each_other_are_not_either() -> None:
    assert hashed(*PLAIN) == set()


def test_a_picture_beside_hashed_scripts_keeps_its_plain_name_and_a_page_is_never_kept() -> None:
    build = BUILDS["Vite"]
    plain = ("assets/og-image-1200x630.png", "assets/photo-Holidays.jpg", "assets/index.html")
    assert hashed(*build, *plain) == set(build)


def test_a_short_name_counts_only_where_most_scripts_have_one() -> None:
    assert hashed("js/x-D1f9Xk2a.js", "js/app.js", "js/more.js") == set()
    assert hashed("img/x-D1f9Xk2a.png") == set()


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("app.css", True),
        ("a/b.c/d.js", True),
        (".well-known/assetlinks.json", True),
        (".env", False),
        ("a/.git/config", False),
        (".well-known/.secret", False),
        (".vite/manifest.json", False),
        ("..", False),
    ],
)
def test_what_begins_with_a_dot_is_nobodys_to_see(path: str, public: bool) -> None:
    assert is_public(PurePosixPath(path).parts) == public
