import pytest
from support.rig import Rig


@pytest.fixture
def rig() -> Rig:
    """A stack that speaks UDP."""
    return Rig()


@pytest.fixture
def stream() -> Rig:
    """A stack that speaks TCP."""
    return Rig("TCP")
