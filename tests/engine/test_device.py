"""Devices and precision: without torch where promised, and in agreement with torch where it is asked."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from workbench.engine import device


def test_the_likely_device_is_the_picked_one():
    assert device.likely_device() == device.pick_device()
    assert device.likely_device("cpu") == device.pick_device("cpu") == "cpu"


def test_asking_what_is_likely_imports_no_torch():
    code = (
        "import sys; from workbench.engine.device import likely_device, precision_on\n"
        "precision_on(likely_device()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "nonsense"])
def test_a_device_that_is_not_there_gets_a_sentence(name):
    with pytest.raises(ValueError, match=r"no device|no kind of device"):
        device.pick_device(name)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="reads Linux's x86 flags"
)
def test_processor_precision_is_what_torch_finds_in_the_processor():
    found = torch.cpu.get_capabilities()
    hardware = found.get("avx512_bf16") or found.get("amx_bf16")
    assert device.best_precision("cpu") == ("bf16" if hardware else "fp32")


def test_bf16_is_never_a_guess(monkeypatch):
    monkeypatch.setattr(device, "_cpu_flags", lambda: frozenset({"avx2", "avx512f"}))
    assert device.best_precision("cpu") == "fp32"
    monkeypatch.setattr(device, "_cpu_flags", lambda: frozenset({"avx512f", "avx512_bf16"}))
    assert device.best_precision("cpu") == "bf16"
    for capability, expected in ((None, "fp32"), (7, "fp32"), (8, "bf16"), (9, "bf16")):
        monkeypatch.setattr(device, "_cuda_capability", lambda index=0, capability=capability: capability)
        assert device.best_precision("cuda:0") == expected
    assert device.best_precision("mps") == "fp32"


def test_a_wish_for_precision_is_followed_or_refused():
    assert device.precision_on("cpu", "fp32") == "fp32"
    assert device.precision_on("mps", "bf16") == "bf16"
    assert device.precision_on("cpu") == device.best_precision("cpu")
    with pytest.raises(ValueError, match="precision must be"):
        device.precision_on("cpu", "fp8")


def test_full_memory_is_told_from_other_errors():
    assert device.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert device.is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"))
    assert device.is_out_of_memory(
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")
    )
    assert not device.is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not device.is_out_of_memory(ValueError("out of memory"))
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 60)
    assert device.is_out_of_memory(error.value)


def test_memory_is_bytes_of_a_device_with_its_own():
    assert device.memory("cpu") is None
    if torch.cuda.is_available():
        used, total = device.memory("cuda") or (0, 0)
        assert 0 < used < total
    assert device.device_name("cpu")
