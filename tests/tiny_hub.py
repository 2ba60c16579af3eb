"""A hub of small models on this machine's loopback, with the faults that real lines have."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40


@dataclass
class Hub:
    """What is served, how it fails, and what was asked."""

    models: dict[str, Path]
    gated: set[str] = field(default_factory=set)
    break_at: int = 0  # bytes of a weight file after which the line breaks; 0: never
    breaks: int = 0  # how often it still does
    closed: bool = False  # after a break, nothing is answered
    renamed: dict[str, str] = field(default_factory=dict)  # what a model says that it is called
    stored_at: str = ""  # another hub, to which requests for weights are led as the real one does
    tokens: list[str] = field(default_factory=list)  # that came with requests
    pace: float = 0.0  # seconds between two pieces of a weight file
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Range
    endpoint: str = ""

    def gets(self, name: str) -> list[str]:
        """The Range of every GET of a file, "" where the whole was asked for."""
        return [
            range_ for method, path, range_ in self.asked if method == "GET" and path.endswith(f"/{name}")
        ]

    def environment(self, cache: Path, **more: str) -> dict[str, str]:
        """What a process needs to use this hub and `cache`, and nothing else of the network."""
        unwanted = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HF_HUB_CACHE")
        plain = {
            key: value
            for key, value in os.environ.items()
            if "proxy" not in key.lower() and key not in unwanted
        }
        return {
            **plain,
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(cache.parent),
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **more,
        }


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, hub: Hub, *args) -> None:
        self.hub = hub
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer(send_body=False)

    def do_GET(self) -> None:
        self._answer(send_body=True)

    def _answer(self, send_body: bool) -> None:
        hub, path = self.hub, self.path.partition("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Range", "")))
        hub.tokens.append(self.headers.get("Authorization", ""))
        if hub.closed:
            self._refuse(503, "")
            return
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        revision = parts[-1] if "revision" in parts else parts[3] if "resolve" in parts else "main"
        folder = hub.models.get(name)
        if folder is None:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif api:
            files = [
                {"rfilename": item.name, "size": item.stat().st_size} for item in sorted(folder.iterdir())
            ]
            called = hub.renamed.get(name, name)
            body = json.dumps({"id": called, "modelId": called, "sha": COMMIT, "siblings": files}).encode()
            self._send(200, body, send_body)
        elif name in hub.gated:
            self._refuse(403, "GatedRepo")
        elif not (folder / parts[-1]).is_file():
            self._refuse(404, "EntryNotFound")
        else:
            self._file(folder / parts[-1], send_body)

    def _file(self, path: Path, send_body: bool) -> None:
        body = path.read_bytes()
        large = path.suffix not in (".json", ".py")
        etag = sha256(body) if large else sha1(b"blob %d\0" % len(body) + body)
        if large and self.hub.stored_at:
            self.send_response(302)
            self.send_header("Location", f"{self.hub.stored_at}{self.path}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{etag.hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(body)))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        self._send(206 if begin else 200, body[begin:], send_body, etag.hexdigest(), large, begin)

    def _send(
        self, code: int, body: bytes, send_body: bool, etag: str = "", large: bool = False, begin: int = 0
    ) -> None:
        self.send_response(code)
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not send_body:
            return
        hub = self.hub
        for start in range(0, len(body), 4096):
            if large and hub.breaks > 0 and begin + start >= hub.break_at > 0:
                hub.breaks -= 1
                self.close_connection = True
                return
            if large and hub.pace:
                time.sleep(hub.pace)
            self.wfile.write(body[start : start + 4096])

    def _refuse(self, code: int, why: str) -> None:
        self.send_response(code)
        if why:
            self.send_header("X-Error-Code", why)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        """Quiet."""

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the other side has stopped
            super().handle()


@contextmanager
def serving(models: dict[str, Path]) -> Iterator[Hub]:
    """A hub with these models, by name."""
    hub = Hub(models)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def put(cache: Path, folder: Path, name: str = "someone/tiny", commit: str = COMMIT) -> Path:
    """A model in the layout of the cache, as huggingface_hub leaves it: links to blobs."""
    storage = cache / f"models--{name.replace('/', '--')}"
    place = storage / "snapshots" / commit
    for path in (place, storage / "blobs", storage / "refs"):
        path.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        blob = storage / "blobs" / sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (place / file.name).symlink_to(os.path.relpath(blob, place))
    (storage / "refs" / "main").write_text(commit)
    return place
