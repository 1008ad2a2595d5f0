from tests.earn.conftest import alice, bob

__all__ = ["alice", "bob"]
