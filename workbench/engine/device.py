"""Which device computes, with which numbers, and how full it is.

`likely_device` and `precision_on` answer without importing torch, so that a job whose vectors are all cached
never pays for it; `pick_device` asks torch and decides. Precision is part of a feature's fingerprint.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import re
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from workbench.records.spec import Precision

# Processors that multiply bf16 in hardware. Measured on two Zen 4 cores with a ViT-S at 224 px: twice the images a
# second of fp32, features at a cosine above 0.999. Without these instructions bf16 is emulated and slower than fp32.
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
_AMPERE = 8  # compute capability from which CUDA devices multiply bf16 in hardware
_CAPABILITY_MAJOR = 75  # CUdevice_attribute


def likely_device(wanted: str = "auto") -> str:
    """What `pick_device` will say, as far as can be known without torch."""
    if wanted != "auto":
        return wanted
    if _cuda_capability() is not None:
        return "cuda"
    return "mps" if sys.platform == "darwin" and platform.machine() == "arm64" else "cpu"


def pick_device(wanted: str = "auto") -> str:
    """ "auto" -> "cuda", "mps" or "cpu", the best that works here; any other name is checked.

    Raises:
        ValueError: a device that isn't there.
    """
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise ValueError(
            f"There is no kind of device {wanted!r}. Choose auto, cpu, cuda, cuda:1 or mps."
        ) from None
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise ValueError(f"This machine has no device {wanted!r} that torch can use. Choose auto or cpu.")
    return wanted


def best_precision(device: str) -> Precision:
    """bf16 where the hardware multiplies it: CUDA from capability 8.0, processors with AVX-512 BF16 or AMX.

    fp32 on MPS and on every other processor, and where the answer can't be had (bf16 is never a guess).
    """
    kind, _, index = device.partition(":")
    if kind == "cuda":
        capability = _cuda_capability(int(index or 0))
        return "bf16" if capability is not None and capability >= _AMPERE else "fp32"
    return "bf16" if kind == "cpu" and _cpu_flags() & _BF16_FLAGS else "fp32"


def precision_on(device: str, wanted: str = "auto") -> Precision:
    """`wanted`, or what suits the device for "auto".

    Raises:
        ValueError: not "auto", "fp32" or "bf16".
    """
    if wanted == "fp32":
        return "fp32"
    if wanted == "bf16":
        return "bf16"
    if wanted != "auto":
        raise ValueError(f"precision must be auto, fp32 or bf16, not {wanted!r}.")
    return best_precision(device)


def memory(device: str) -> tuple[int, int] | None:
    """Bytes in use and bytes in all of the device's own memory; None where it has none of its own."""
    import torch

    if not device.startswith("cuda"):
        return None
    free, total = torch.cuda.mem_get_info(torch.device(device))
    return total - free, total


def device_name(device: str) -> str:
    """What the maker calls it: "NVIDIA H100 80GB HBM3", "AMD EPYC"."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(torch.device(device))
    if device == "mps":
        return "Apple GPU"
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the device's memory was full: halve the batch and go on."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text  # CUDA's libraries and MPS report it as plain RuntimeErrors
        or "can't allocate memory" in text
        or "cublas_status_alloc_failed" in text
    )


@lru_cache(maxsize=1)
def _cpu_flags() -> frozenset[str]:
    """Instruction sets by Linux's names; empty on other systems, which don't tell without a program of their own."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    found = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


@lru_cache(maxsize=8)
def _cuda_capability(index: int = 0) -> int | None:
    """Major compute capability of a CUDA device that this torch can use; None where there is none.

    Asks the driver (it honours CUDA_VISIBLE_DEVICES) and reads which CUDA torch was built for from its version file.
    """
    built_for = _torch_cuda()
    if built_for is None:
        return None
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    if (
        driver.cuInit(0)
        or driver.cuDriverGetVersion(ctypes.byref(number))
        or number.value // 1000 < built_for
    ):
        return None
    device = ctypes.c_int()
    if driver.cuDeviceGet(ctypes.byref(device), index):
        return None
    if driver.cuDeviceGetAttribute(ctypes.byref(number), _CAPABILITY_MAJOR, device):
        return None
    return number.value


def _torch_cuda() -> int | None:
    """The CUDA generation that torch was built for, 13 for "13.2", read from its version file; None without CUDA."""
    module = find_spec("torch")
    if module is None or not module.origin:
        return None
    try:
        text = Path(module.origin).with_name("version.py").read_text()
    except OSError:
        return None
    found = re.search(r"^cuda\b[^=]*=\s*'(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else None
