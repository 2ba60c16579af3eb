"""What a disk or a system refused, in a sentence: full, not permitted, gone."""

from __future__ import annotations

import errno
import os

from workbench.records.text import printable

FULL = "The disk is full. Free some space and try again: what was finished is kept."
_FULL = (errno.ENOSPC, errno.EDQUOT)
# Libraries that write by themselves (HDF5, safetensors, torch) pass the number or the system's words on as text only.
_FULL_WORDS = ("No space left on device", "os error 28", "errno = 28,", "Disk quota exceeded")
_KNOWN = {
    errno.EACCES: "You have no permission to read or write it. Change its permissions, or choose another place.",
    errno.EPERM: "The system doesn't permit it. Change its permissions, or choose another place.",
    errno.EROFS: "It lies where nothing can be written. Choose another place.",
    errno.EFBIG: "It would become larger than this system lets a file be. Choose another disk, or raise the limit.",
    errno.ENOENT: "It is not there (any more). Check the path.",
    errno.ENOTDIR: "A part of its path is a file, not a folder. Check the path.",
    errno.EISDIR: "It is a folder, where a file is wanted. Name a file.",
    errno.EEXIST: "It is there already. Choose another name.",
    errno.ENOTEMPTY: "The folder is there already and holds something. Choose another name.",
    errno.ENAMETOOLONG: "Its name is too long for this system. Choose a shorter one.",
    errno.ELOOP: "It is a link that leads back to itself.",
    errno.EMFILE: "Too many files are open at once. Raise the limit (ulimit -n).",
    errno.EIO: "The disk reports an error. Check the disk and its cable or network.",
    errno.ESTALE: "The network folder that it lies in is gone. Connect it again.",
}


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or what is allowed of it, is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return isinstance(error, Exception) and any(words in str(error) for words in _FULL_WORDS)


def told(error: OSError) -> str:
    """A sentence that names the file, what happened and how to mend it."""
    file = error.filename if error.filename2 is None else error.filename2
    name = f"{printable(os.fsdecode(file))}: " if isinstance(file, (str, bytes)) and file else ""
    if is_full(error):
        return f"{name}{FULL[:1].lower() if name else FULL[:1]}{FULL[1:]}"
    known = _KNOWN.get(error.errno or 0)
    if known is not None:
        return f"{name}{known}"
    text = printable(error.strerror or str(error)) or "The system gives no reason"
    return f"{name}{text}" + ("" if text.endswith((".", "?")) else ".")
