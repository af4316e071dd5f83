"""Each file of ci/ and examples/ in turn."""

import pytest
from rendering import CI


@pytest.fixture(params=[None, *CI], ids=lambda p: p.stem.removesuffix("-values") if p else "defaults")
def values(request):
    """Each file, and no file."""
    return request.param
