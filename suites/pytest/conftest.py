"""A client for each test, against the server that `pilotage test` has started."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients/python/src"))

from fastmcp_python_client import FastMCPClient  # noqa: E402


@pytest_asyncio.fixture
async def client() -> AsyncIterator[FastMCPClient]:
    async with FastMCPClient(os.environ["PILOTAGE_SOCKET"], timeout=30) as client:
        yield client
