"""The small models in published layouts that the tests of backbones use."""

from tests.engine.backbones.conftest import published

__all__ = ["published"]
