"""Calls the tools of an MCP server over WebSocket.

>>> async with FastMCPClient("ws://localhost:8080/ws", timeout=30) as client:
...     created = await client.execute_tool("create-scenario", {"name": "Orders", "teamId": 5})
"""

from .client import FastMCPClient
from .errors import (
    CallTimeoutError,
    ConnectFailedError,
    ConnectionLostError,
    FastMCPError,
    NotConnectedError,
    ServerError,
    ToolError,
    ValidationError,
)

__all__ = [
    "CallTimeoutError",
    "ConnectFailedError",
    "ConnectionLostError",
    "FastMCPClient",
    "FastMCPError",
    "NotConnectedError",
    "ServerError",
    "ToolError",
    "ValidationError",
]
