"""A PACS of the test's making, and its client."""

from __future__ import annotations

import pytest
from nets import Nets

from scp.peers import Peers


@pytest.fixture
def peers(nets: Nets) -> Peers:
    return Peers(nets)
