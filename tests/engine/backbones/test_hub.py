"""Downloads from a hub on this machine: what is fetched, what breaks, what is kept, and what each refusal says."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.tiny_hub import COMMIT, Hub, serving
from workbench.engine.backbones import hub as cache_of

NAME = "someone/tiny"
USUAL = {"config.json", "preprocessor_config.json", "model.safetensors"}


@pytest.fixture
def hub(published, tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "served"
    shutil.copytree(published("dinov2").folder, folder)
    (folder / "modeling_tiny.py").write_text("raise SystemExit('code of a model was run')")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in the older form")
    with serving({NAME: folder}) as made:
        yield made


class Fetcher:
    """`workbench fetch` in a process of its own, as the hub's library reads its variables once."""

    def __init__(self, hub: Hub, root: Path) -> None:
        self.hub, self.cache = hub, root / "home" / "hub"

    def start(self, name: str, **more: str) -> Any:
        self.hub.asked.clear()
        return warm.started(
            *("workbench", "fetch", name, "--json"),
            env=self.hub.environment(self.cache, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, name: str, **more: str) -> Any:
        """The JSON document, or what is said on stderr where it fails."""
        process = self.start(name, **more)
        out, error = process.communicate(timeout=120)
        assert "Traceback" not in error
        found = json.loads(out)
        assert process.returncode == found.get("exit_code", 0), error
        return error if "error" in found else found

    def files(self) -> set[str]:
        folder = cache_of.snapshot(NAME, self.cache)
        return {item.name for item in folder.iterdir()} if folder else set()

    def parts(self) -> list[int]:
        """Sizes of what has arrived of unfinished files."""
        return [path.stat().st_size for path in self.cache.rglob("*.incomplete")]


@pytest.fixture
def fetch(hub: Hub, tmp_path: Path) -> Fetcher:
    return Fetcher(hub, tmp_path)


def test_a_model_is_fetched_once_and_only_what_is_needed(hub, fetch, published, tmp_path):
    got = fetch(NAME)
    assert fetch.files() == USUAL
    original = published("dinov2").folder / "model.safetensors"
    assert (cache_of.snapshot(NAME, fetch.cache) / "model.safetensors").read_bytes() == original.read_bytes()
    assert got["bytes"] == sum((published("dinov2").folder / name).stat().st_size for name in USUAL)
    again = fetch(NAME)
    assert again["weights"] == got["weights"] and again["bytes"] == 0 and not hub.asked
    # Other programs find it without a network.
    code = f"import transformers as t; print(type(t.AutoModel.from_pretrained({NAME!r})).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hub.environment(fetch.cache, HF_HUB_OFFLINE="1"),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "Dinov2Model", done.stderr


def test_a_download_that_breaks_off_goes_on_where_it_was(hub, fetch, published):
    size = (published("dinov2").folder / "model.safetensors").stat().st_size
    hub.break_at, hub.breaks = 100_000, 99
    said = fetch(NAME)
    assert "broke off" in said and "is kept" in said and f"workbench pack export {NAME}" in said
    (kept,) = fetch.parts()
    assert 0 < kept < size and fetch.files() == set(), "a model that is half here is not here"
    hub.breaks = 0
    fetch(NAME)
    assert hub.gets("model.safetensors") == [f"bytes={kept}-"] and hub.gets("config.json") == []
    assert fetch.files() == USUAL and fetch.parts() == []


def test_a_line_that_breaks_once_is_taken_up_again(hub, fetch):
    hub.break_at, hub.breaks = 200_000, 1
    fetch(NAME)
    ranges = hub.gets("model.safetensors")
    assert len(ranges) == 2 and ranges[0] == "" and int(ranges[1][6:-1]) >= 100_000
    assert fetch.files() == USUAL


def test_weights_stored_at_another_host_come_without_the_token_going_there(hub, fetch):
    with serving(hub.models) as store:
        hub.stored_at = store.endpoint.replace("127.0.0.1", "localhost")
        store.break_at, store.breaks = 200_000, 1
        fetch(NAME, HF_TOKEN="hf_secret")
        assert fetch.files() == USUAL
        assert "Bearer hf_secret" in hub.tokens
        assert store.gets("model.safetensors")[0] == "" and len(store.gets("model.safetensors")) == 2
        assert set(store.tokens) == {""}


def test_embed_fetches_when_it_is_allowed_to(hub, fetch, picture_folder, tmp_path):
    def embed(*words: str) -> subprocess.CompletedProcess[str]:
        own = ["embed", str(picture_folder), "--backbone", NAME, *words]
        return warm.run("workbench", *own, **hub.environment(fetch.cache))

    out = tmp_path / "a.h5ad"
    done = embed("--out", str(out), "--json")
    assert done.returncode == 1 and "not on this machine" in done.stderr and not hub.asked
    done = embed("--out", str(out), "--json", "--allow-download")
    assert done.returncode == 0 and out.exists(), done.stderr
    assert fetch.files() == USUAL


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can't be sent there")
def test_a_download_that_is_stopped_keeps_what_has_arrived(hub, fetch):
    hub.pace = 0.02
    process = fetch.start(NAME)
    deadline = time.monotonic() + 60
    while sum(fetch.parts()) < 50_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1 and "goes on from what was kept" in said
    (kept,) = fetch.parts()
    assert kept >= 50_000 and fetch.files() == set()
    hub.pace = 0
    fetch(NAME)
    assert hub.gets("model.safetensors") == [f"bytes={kept}-"] and fetch.files() == USUAL


def test_a_part_that_was_spoilt_is_not_trusted(hub, fetch):
    hub.break_at, hub.breaks = 100_000, 99
    fetch(NAME)
    (part,) = fetch.cache.rglob("*.incomplete")
    part.write_bytes(b"\0" * part.stat().st_size)
    hub.breaks = 0
    assert "arrived damaged" in fetch(NAME) and fetch.parts() == [] and fetch.files() == set()
    assert fetch(NAME)["bytes"] and fetch.files() == USUAL


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("someone/missing", {}, "has no model 'someone/missing'"),
        (f"{NAME}@v3", {}, "has no revision 'v3'"),
        (f"{NAME}@refs/pr/1", {}, "Name its commit instead"),
        ("someone/old", {}, "someone/old is called someone/new at the hub now"),
        ("someone/gated", {}, "licence to be accepted"),
        (NAME, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "No connection to http://127.0.0.1:9"),
        (NAME, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        ("timm/resnet18.a1_in1k", {}, "has no model 'timm/resnet18.a1_in1k'"),
        ("no_such_backbone", {}, "neither here nor in timm's list"),
    ],
)
def test_each_refusal_says_what_to_do(hub, fetch, name, more, says):
    hub.models["someone/gated"] = hub.models["someone/old"] = hub.models[NAME]
    hub.renamed["someone/old"] = "someone/new"
    hub.gated.add("someone/gated")
    said = fetch(name, **more)
    assert says in said
    if more:
        assert f"workbench pack export {NAME}" in said
    assert fetch.files() == set()


def test_a_commit_can_be_named_and_is_no_reference(hub, fetch):
    fetch(f"{NAME}@{COMMIT}")
    assert cache_of.snapshot(f"{NAME}@{COMMIT}", fetch.cache) is not None
    assert cache_of.snapshot(NAME, fetch.cache) is None, "nobody asked for main"


def test_code_of_a_model_is_neither_fetched_nor_run(hub, fetch):
    served = hub.models[NAME]
    config = json.loads((served / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "modeling_tiny.Mine"}}
    (served / "config.json").write_text(json.dumps(config))
    assert "code of its own, which is never run" in fetch(NAME)
    assert hub.gets("model.safetensors") == [] and hub.gets("modeling_tiny.py") == []


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_a_pickle_that_wants_more_than_weights_is_thrown_away(hub, fetch, tmp_path):
    served, trace = hub.models[NAME], tmp_path / "ran"
    (served / "model.safetensors").unlink()
    (served / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(trace)))
    assert "holds more than weights" in fetch(NAME)
    assert not trace.exists() and fetch.files() == set() and fetch.parts() == []
    assert not [path for path in fetch.cache.rglob("blobs/*") if b"touch" in path.read_bytes()]


def test_two_downloads_of_one_file_do_not_spoil_each_other(hub, fetch):
    hub.pace = 0.2
    first = fetch.start(NAME)
    deadline = time.monotonic() + 60
    while not fetch.parts() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Another program is fetching" in fetch(NAME)
    hub.pace = 0
    first.communicate(timeout=60)
    assert first.returncode == 0 and fetch.files() == USUAL


def test_a_full_disk_is_told_before_the_download(tmp_path, monkeypatch):
    from workbench.engine.backbones import download

    usage = os.statvfs(tmp_path) and shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    file = download._File("model.safetensors", 346_000_000)
    with pytest.raises(ValueError, match=r"needs 346 MB, and the disk of .* has 1 MB free"):
        download._check_room(NAME, tmp_path / "models--someone--tiny", [file], file.size)
