"""A process that joins another: `python -m tests.engine.pretrain.joiner OWN_NUMBER FOLDER EXPECTED`.

Both are there before either joins; afterwards rank 0 takes longer than joining may take. Prints what they agreed on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from workbench.engine.pretrain import together


def main(own: int, folder: Path, expected: int) -> int:
    together.JOIN_SECONDS = 3.0
    (folder / f"here-{own}").touch()
    while len(list(folder.glob("here-*"))) < expected:
        time.sleep(0.02)
    try:
        together.join("cpu")
    except ValueError as error:
        print(error)
        return 1
    if own == 0:
        time.sleep(5)
    print(together.agreed([float(own)], torch.device("cpu")))
    together.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
