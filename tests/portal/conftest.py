from tests.earn.conftest import alice

__all__ = ["alice"]
