"""Fetching, from a hub of one model on this machine. The library reads its address once: hence the own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.engine.backbones import hub

COMMIT = "a" * 40
NAME = "someone/tiny"


class Hub(BaseHTTPRequestHandler):
    """The three requests that huggingface_hub makes: model info, and HEAD and GET of a file."""

    def __init__(self, folder: Path, asked: list[str], *args) -> None:
        self.folder, self.asked = folder, asked
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer(send_body=False)

    def do_GET(self) -> None:
        self._answer(send_body=True)

    def _answer(self, send_body: bool) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if path.startswith(f"/api/models/{NAME}"):
            files = [{"rfilename": item.name} for item in sorted(self.folder.iterdir())]
            body = json.dumps({"id": NAME, "modelId": NAME, "sha": COMMIT, "siblings": files}).encode()
            if "/tree/" in path:
                entries = [
                    {"type": "file", "path": item.name, "size": item.stat().st_size, "oid": "0" * 40}
                    for item in sorted(self.folder.iterdir())
                ]
                body = json.dumps(entries).encode()
        elif path.startswith(f"/{NAME}/resolve/") and (self.folder / Path(path).name).is_file():
            body = (self.folder / Path(path).name).read_bytes()
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if send_body:
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Quiet."""


@pytest.fixture
def served(published, tmp_path) -> Iterator[tuple[str, list[str]]]:
    folder = tmp_path / "served"
    folder.mkdir()
    for item in published("dinov2").folder.iterdir():
        (folder / item.name).write_bytes(item.read_bytes())
    (folder / "modeling_tiny.py").write_text("raise SystemExit('code of a model was run')")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in the older form")
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, folder, asked))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def resolve_elsewhere(name: str, endpoint: str, tmp_path: Path, **environment: str) -> str:
    """What `resolve(name, allow_download=True)` says in another process: the digest or the refusal."""
    code = (
        "import sys; from pathlib import Path; from workbench.engine.backbones.resolve import resolve\n"
        "try: print(resolve(sys.argv[1], allow_download=True, memo=Path(sys.argv[2])).spec.weights)\n"
        "except ValueError as error: print('refused:', error)\n"
    )
    plain = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    process = subprocess.run(
        [sys.executable, "-c", code, name, str(tmp_path / "memo")],
        env={
            **{key: value for key, value in plain.items() if key != "HF_HUB_OFFLINE"},
            "HF_ENDPOINT": endpoint,
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


def test_a_model_is_fetched_once_and_only_what_is_needed(served, published, tmp_path):
    endpoint, asked = served
    weights = resolve_elsewhere(NAME, endpoint, tmp_path)
    folder = hub.snapshot(NAME, tmp_path / "cache")
    assert folder is not None
    assert {item.name for item in folder.iterdir()} == {
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
    }
    assert (folder / "model.safetensors").read_bytes() == (
        published("dinov2").folder / "model.safetensors"
    ).read_bytes()
    asked.clear()
    assert resolve_elsewhere(NAME, endpoint, tmp_path) == weights and not asked


def test_a_model_that_the_hub_does_not_have(served, tmp_path):
    answer = resolve_elsewhere("someone/missing", served[0], tmp_path)
    assert answer.startswith("refused: The Hugging Face hub has no model 'someone/missing'")


def test_without_network_the_refusal_says_what_to_do(tmp_path):
    answer = resolve_elsewhere(NAME, "http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert (
        answer.startswith("refused: someone/tiny could not be fetched")
        and "copy the model's folder" in answer
    )
