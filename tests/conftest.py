"""What every test may use."""

import os

import pytest
from hypothesis import settings

# Machines are shared: an example may be slow. Drawn the same way every time, unless asked.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio: the loop the product runs on."""
    return "asyncio"
