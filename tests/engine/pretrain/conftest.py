from tests.engine.backbones.conftest import memo, photographs, published

__all__ = ["memo", "photographs", "published"]
