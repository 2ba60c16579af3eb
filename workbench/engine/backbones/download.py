"""Downloads of a model into the ordinary Hugging Face cache. Nothing else in the program uses the network.

huggingface_hub knows the hub, the token and the layout of the cache. It throws away what has arrived of a file when a
download ends early; so here the bytes go to `blobs/ETAG.incomplete`, the next start asks for the rest by Range, and
the whole is checked against the hash that the hub gives before it gets its name. The reference to the commit is
written last: a model that is half here is never taken for one that is here.

huggingface_hub reads HF_ENDPOINT and HF_HUB_OFFLINE when it is imported, so it is imported only when asked for.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from workbench.engine.backbones import hub
from workbench.engine.backbones.families import check_supported
from workbench.records.files import write_text
from workbench.records.text import data_size, printable

Progress = Callable[
    [int, int], None
]  # bytes done, bytes in all; may raise to stop, and what has arrived is kept

TRIES = 4  # in a row without a byte, before a download that breaks off is given up for now
WAIT_SECONDS = 1.0  # before another try
_SPARE = 1 << 26  # bytes that a disk keeps free
_ETAG = re.compile(r"[0-9A-Za-z_-]{1,128}")


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int


def fetch(
    identifier: str,
    cache: Path | None = None,
    extra: tuple[str, ...] = (),
    on_progress: Progress = lambda done, total: None,
) -> Path:
    """Bring a model of the hub into the cache and return its folder; files already there are not fetched again.

    Only the configuration, the preprocessor and one set of weights are fetched, safetensors first, and never a
    Python file. The configuration comes first: a model that can't be used here is refused before its weights come.

    Args:
        identifier: "org/name" or "org/name@revision".
        extra: weight files that are looked for before the usual names, by who knows the architecture without the
            model's configuration.
        on_progress: what it raises stops the download.

    Raises:
        ValueError: no network, no such model or revision, a licence to be accepted, no room; the sentence says which.
    """
    name, revision = hub.split_revision(identifier)
    place = cache or hub.cache_folder()
    try:
        return _fetch(name, revision, place, extra, on_progress)
    except (OSError, *_failures()) as error:
        raise ValueError(_explain(error, name, revision, place)) from None


def _fetch(name: str, revision: str, cache: Path, extra: tuple[str, ...], on_progress: Progress) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    storage = hub.storage_folder(name, cache)
    if not hub.PLAIN.fullmatch(revision):
        raise ValueError(
            f"{printable(revision)!r} can't be kept here as a revision. Name its commit instead."
        )
    info = HfApi().model_info(name, revision=revision, files_metadata=True)
    sizes = {item.rfilename: int(item.size or 0) for item in info.siblings or ()}
    commit = str(info.sha or "")
    if info.id and info.id != name:  # the hub leads on from the old name of a model that was renamed
        raise ValueError(
            f"{printable(name)} is called {printable(info.id)} at the hub now. Ask for it by that name."
        )
    if not hub.PLAIN.fullmatch(commit):
        raise ValueError(f"The hub gave no commit for {printable(name)}. Try again later.")
    folder = storage / "snapshots" / commit
    wanted = [_File(part, sizes[part]) for part in _wanted(name, sizes, extra)]
    missing = [file for file in wanted if not (folder / file.name).exists()]
    total = sum(file.size for file in missing)
    _check_room(name, storage, missing, total)
    done = 0
    for file in missing:
        done = _fetch_file(name, commit, storage, file, done, total, on_progress)
        hf_hub_download(name, file.name, revision=commit, cache_dir=cache)  # gives the blob its name
        if file.name == hub.CONFIG and not extra:
            check_supported(hub.read_json(folder / hub.CONFIG), printable(name))
    if revision != commit:
        write_text(storage / "refs" / revision, commit)
    return folder


def _wanted(name: str, sizes: dict[str, int], extra: tuple[str, ...]) -> list[str]:
    """Names of the files to fetch, the small ones first."""
    weights = next((known for known in (*extra, *hub.WEIGHTS) if known in sizes), None)
    if weights is None:
        raise ValueError(
            f"{printable(name)} on the Hugging Face hub holds no weights in a format that is read here. "
            "Choose another backbone."
        )
    if hub.CONFIG not in sizes and not extra:
        raise ValueError(
            f"{printable(name)} on the Hugging Face hub has no {hub.CONFIG}, so its architecture is unknown. Choose "
            "another backbone."
        )
    wanted = [known for known in (hub.CONFIG, hub.PROCESSOR) if known in sizes] + [weights]
    if weights.endswith(".index.json"):
        pattern = weights.replace(".index.json", "").replace(".", "-*.")
        wanted += sorted(part for part in sizes if fnmatchcase(part, pattern) and "/" not in part)
    return wanted


def _fetch_file(
    name: str, commit: str, storage: Path, file: _File, done: int, total: int, on_progress: Progress
) -> int:
    """One file into `blobs/`; returns the bytes that are done of the whole model now."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(name, file.name, revision=commit)
    facts = get_hf_file_metadata(url)
    etag, size = str(facts.etag or ""), facts.size or file.size
    if not _ETAG.fullmatch(etag) or facts.commit_hash != commit:
        raise ValueError(
            f"The hub doesn't say exactly which {printable(file.name)} it has for {printable(name)}. Is HF_ENDPOINT "
            "set to something that is no Hugging Face hub?"
        )
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    blob = storage / "blobs" / etag
    blob.parent.mkdir(parents=True, exist_ok=True)
    if not blob.exists():
        with _alone(storage, etag, name):
            part = blob.with_name(f"{etag}.incomplete")
            _stream(url, headers, part, size, lambda here: on_progress(done + here, total))
            _check_hash(part, etag, file.name)
            if not file.name.endswith((".safetensors", ".json")):
                _check_pickle(part, file.name, name)
            part.replace(blob)
    return done + file.size


def _stream(
    url: str, headers: dict[str, Any], part: Path, size: int, on_bytes: Callable[[int], None]
) -> None:
    """Append what `part` lacks of `size` bytes. A line that breaks is taken up again a few times.

    The hub leads each try anew to where it stores the file, as such addresses hold for an hour only; the HTTP library
    leaves the token behind when it follows to another host.
    """
    from huggingface_hub import get_session
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import hf_raise_for_status

    tries = TRIES
    part.touch()
    while (here := part.stat().st_size) < size:
        on_bytes(here)
        asked = {**headers, "Range": f"bytes={here}-"} if here else headers
        before = here
        try:
            with get_session().stream("GET", url, headers=asked, timeout=HF_HUB_DOWNLOAD_TIMEOUT) as answer:
                hf_raise_for_status(answer)
                if answer.status_code != 206:  # the server sends all of it
                    here = 0
                with part.open("ab" if here else "wb") as stream:
                    for chunk in answer.iter_bytes():  # as it comes: a buffer would be lost with the line
                        stream.write(chunk)
                        here += len(chunk)
                        on_bytes(min(here, size))
        except HfHubHTTPError:
            raise
        except _failures() as error:
            broken: Exception | None = error
        else:
            broken = None
        tries = TRIES if here > before else tries - 1
        if here < size and tries <= 0:
            raise broken or OSError("the connection ended early")
        if broken:
            time.sleep(WAIT_SECONDS)
    if part.stat().st_size > size:
        part.unlink()
        raise ValueError(f"The hub sent more of {printable(part.name)} than it had said. Try again.")


def _check_hash(part: Path, etag: str, name: str) -> None:
    """The hub names large files by their SHA-256, and small ones as git does."""
    if len(etag) == 64:
        digest = hashlib.sha256()
    elif len(etag) == 40:
        digest = hashlib.sha1(f"blob {part.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return
    with part.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            digest.update(chunk)
    if digest.hexdigest() != etag:
        part.unlink()
        raise ValueError(
            f"{printable(name)} arrived damaged: its hash is not the one that the hub names. It was thrown away; "
            "try again."
        )


def _check_pickle(part: Path, file: str, name: str) -> None:
    from workbench.engine.backbones.checkpoints import check_weights_only

    try:
        check_weights_only(part, Path(file).suffix)
    except ValueError:
        part.unlink()
        raise ValueError(
            f"{printable(file)} of {printable(name)} holds more than weights: reading it would run code that it "
            "brings along, so it was refused and thrown away. Choose a model with .safetensors weights."
        ) from None


def _check_room(name: str, storage: Path, missing: list[_File], total: int) -> None:
    existing = next(path for path in (storage, *storage.parents) if path.exists())
    kept = sum(path.stat().st_size for path in storage.glob("blobs/*.incomplete"))
    free = shutil.disk_usage(existing).free
    if missing and total - kept + _SPARE > free:
        raise ValueError(
            f"{printable(name)} needs {data_size(total)}, and the disk of {printable(str(existing))} has "
            f"{data_size(free)} free. Free some space, or set HF_HOME to a folder on a larger disk."
        )


@contextlib.contextmanager
def _alone(storage: Path, etag: str, name: str) -> Iterator[None]:
    """Two programs that add to one file would spoil it."""
    from filelock import FileLock, Timeout

    folder = storage.parent / ".locks" / storage.name
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{etag}.incomplete.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another program is fetching {printable(name)} at this moment. Wait until it has ended, then retry."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _failures() -> tuple[type[Exception], ...]:
    """The errors of the HTTP library underneath, which has changed from one release of the hub's to the next."""
    from huggingface_hub.errors import HfHubHTTPError

    return tuple(base for base in HfHubHTTPError.__bases__ if base is not OSError)


def _explain(error: Exception, name: str, revision: str, cache: Path) -> str:
    from huggingface_hub.constants import ENDPOINT
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    shown = printable(name)
    if isinstance(error, GatedRepoError):
        return (
            f"{shown} asks for its licence to be accepted. Accept it on {ENDPOINT}/{shown}, log in with "
            "`hf auth login`, and try again."
        )
    if isinstance(error, RevisionNotFoundError):
        return f"{shown} has no revision {printable(revision)!r}. Name one that its page at the hub lists."
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return (
            f"The Hugging Face hub has no model {shown!r} that can be seen without an account. Check the spelling; "
            "for a private model, log in with `hf auth login`."
        )
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"{shown} is not on this machine, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids the network. "
            f"Unset it, or {hub.pack_advice(shown)}"
        )
    if isinstance(error, HfHubHTTPError):
        status = getattr(error.response, "status_code", "an error")
        return f"{ENDPOINT} answered {status} for {shown}. Try again later, or {hub.pack_advice(shown)}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk of {printable(str(cache))} is full. Free some space and retry: what has arrived of {shown} is "
            "kept."
        )
    if isinstance(error, OSError) and error.errno is not None and error.filename:
        place = printable(str(error.filename))
        return f"{shown} can't be written to {place}: {error.strerror}. Check its permissions."
    reason = printable(str(error)) or type(error).__name__
    if "Connect" in type(error).__name__:
        return (
            f"No connection to {ENDPOINT}, so {shown} was not fetched ({reason}). Check it, or "
            f"{hub.pack_advice(shown)}"
        )
    return (
        f"The connection to {ENDPOINT} broke off ({reason}). What has arrived of {shown} is kept, and another try "
        f"goes on from there. Or {hub.pack_advice(shown)}"
    )
