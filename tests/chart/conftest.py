"""Each ci file in turn."""

import pytest
from rendering import CI


@pytest.fixture(params=[None, *CI], ids=lambda p: p.name.removesuffix("-values.yaml") if p else "defaults")
def values(request):
    """Each ci file, and no file."""
    return request.param
