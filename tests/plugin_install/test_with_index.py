"""A package index on this machine: it is asked after somebody agreed, and what it offers is taken with care."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.plugin_install.made_environment import Environment
from tests.plugin_install.made_wheels import plugin_wheel, wheel
from workbench.plugin_install.wheels import sha256

pytestmark = pytest.mark.slow


class Handler(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *_: object) -> None:
        Handler.asked.append(self.path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is served as PEP 503 has it: /NAME/ lists the wheels of NAME."""
    folder = tmp_path / "index"
    folder.mkdir()
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()


def offer(index: Path, *wheels: Path) -> None:
    links: dict[str, list[str]] = {}
    for path in wheels:
        name = path.name.split("-")[0].replace("_", "-")
        links.setdefault(name, []).append(
            f'<a href="/files/{path.name}#sha256={sha256(path)}">{path.name}</a>'
        )
    for name, listed in links.items():
        (index / name).mkdir()
        (index / name / "index.html").write_text(
            "<!DOCTYPE html><html><body>" + "\n".join(listed) + "</body></html>"
        )


def test_a_name_is_found_where_the_network_may_be_asked(index: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv")
    files = index / "files"
    offer(
        index,
        plugin_wheel(files, "far_one", "1.0", ["helper"]),
        plugin_wheel(files, "far_one", "2.0", ["numpy>=99"]),
        wheel(files, "helper", "3.1"),
        wheel(files, "numpy", "99.0"),
        wheel(files, "plain", "1.0"),
    )
    code, told = environment.workbench("install", "far-one", "--yes")
    assert (code, told["missing"], told["done"]) == (2, ["far-one"], False)
    assert Handler.asked == [] and environment.own() == set()

    code, told = environment.workbench("install", "far-one", "--network", "--yes")
    assert (code, told["done"], told["provides"]) == (0, True, {"methods": ["far_one_method"]}), told
    # The newest one would have replaced numpy; the one before leaves it alone.
    assert [(one["package"], one["after"]) for one in told["changes"]] == [
        ("far-one", "1.0"),
        ("helper", "3.1"),
    ]
    assert any("helper-3.1" in path for path in Handler.asked)
    assert not any("numpy-99" in path for path in Handler.asked)

    code, told = environment.workbench("install", "plain", "--network", "--yes")
    assert code == 2 and "plain is no plugin of the workbench" in told["refused"]
    assert "plain" not in environment.own()


def test_a_wheel_that_is_not_what_the_index_says_is_not_installed(index: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv")
    offered = plugin_wheel(index / "files", "far_one", "1.0")
    offer(index, offered)
    plugin_wheel(index / "files", "far_one", "1.0", ["something-else"])
    code, told = environment.workbench("install", "far-one", "--network", "--yes")
    assert code == 2 and "pip can't do it" in told["error"], told
    assert environment.own() == set()
