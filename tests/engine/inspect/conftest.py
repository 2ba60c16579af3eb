"""The small models in published layouts that the tests of backbones use."""

from tests.engine.backbones.conftest import memo, photographs, published

__all__ = ["memo", "photographs", "published"]
