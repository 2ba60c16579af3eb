"""The interface of plugins: what is public stands in `api-engine.txt` with its signatures.

After a change on purpose raise `records.plugins.API`, and write the file anew:
`python -m tests.engine.test_api > tests/engine/api-engine.txt`.
"""

from __future__ import annotations

from pathlib import Path

from tests.api_told import told
from workbench.engine import api
from workbench.engine.backbones.catalogue import BUNDLED, HISTOGRAM, RANDOM_VIT, starter_folder
from workbench.engine.methods import registry
from workbench.records import catalogue, methods

PUBLISHED = Path(__file__).with_name("api-engine.txt")


def test_what_is_public_is_what_was_published() -> None:
    assert told(api) == PUBLISHED.read_text("utf-8")


def test_names_that_no_plugin_may_take_are_those_of_the_program() -> None:
    assert set(registry.method_names()) == methods.BUILT_IN
    own = {BUNDLED, HISTOGRAM, RANDOM_VIT, "starter_mae", "starter_dino"}
    assert own == catalogue.BUILT_IN and all(starter_folder(name) for name in ("starter_mae", "starter_dino"))


if __name__ == "__main__":
    print(told(api), end="")
