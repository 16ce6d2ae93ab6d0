"""A small MCP server that misbehaves on demand; how a real one behaves is in `test_server.py`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol


class Fake:
    """What it was sent, and what it does."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[dict[str, Any]] = []
        self.authorization: list[str | None] = []
        self.connections: list[ServerConnection] = []
        self.revision = "2025-11-25"
        self.silent = False
        self.refuse_with: int | None = None
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def until_received(self, method: str) -> dict[str, Any]:
        """Return the first message of this method, as soon as it is there."""
        async with self._changed, asyncio.timeout(10):
            await self._changed.wait_for(lambda: self._first(method) is not None)
        return self._first(method) or {}

    def _first(self, method: str) -> dict[str, Any] | None:
        return next((message for message in self.received if message.get("method") == method), None)

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        self.authorization.append(request.headers.get("Authorization"))
        return connection.respond(self.refuse_with, "no\n") if self.refuse_with else None

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        # A call that is slow keeps no other waiting.
        async with asyncio.TaskGroup() as calls:
            try:
                async for frame in connection:
                    message = json.loads(frame)
                    self.received.append(message)
                    async with self._changed:
                        self._changed.notify_all()
                    calls.create_task(self._answer(connection, message))
            except ConnectionClosed:
                pass

    async def _answer(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        match message.get("method"):
            case "initialize" if not self.silent:
                result = {
                    "protocolVersion": self.revision,
                    "capabilities": {},
                    "serverInfo": {"name": "fake", "version": "0"},
                }
                await self._send(connection, message, result=result)
            case "tools/call":
                await self._call(connection, message)
            case "tools/list":
                await self._list(connection, message)

    async def _send(self, connection: ServerConnection, message: dict[str, Any], **answer: Any) -> None:
        await connection.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}))

    async def _list(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        if message["params"].get("cursor") == "more":
            await self._send(connection, message, result={"tools": [{"name": "second"}]})
        else:
            await self._send(connection, message, result={"tools": [{"name": "first"}], "nextCursor": "more"})

    async def _call(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        given = message["params"]["arguments"]
        match message["params"]["name"]:
            case "echo":
                await self._send(connection, message, result={"content": [], "structuredContent": given})
            case "later":
                # The answers come in the reverse order of the calls.
                await asyncio.sleep((given["of"] - given["number"]) / 1000)
                await self._send(connection, message, result={"content": [], "structuredContent": given})
            case "text":
                parts = [{"type": "text", "text": "one"}, {"type": "image"}, {"type": "text", "text": "two"}]
                await self._send(connection, message, result={"content": parts})
            case "fail":
                result = {"isError": True, "content": [{"type": "text", "text": given["text"]}]}
                await self._send(connection, message, result=result)
            case "error":
                await self._send(connection, message, error=given)
            case "raw":
                await connection.send(given["frame"])
            case "binary":
                await connection.send(b"\x00")
            case "huge":
                await self._send(connection, message, result={"structuredContent": {"text": "x" * given["bytes"]}})
            case "drop":
                connection.transport.abort()
            case "ask":
                await connection.send(json.dumps({"jsonrpc": "2.0", "id": "p", "method": "ping"}))
                await connection.send(json.dumps({"jsonrpc": "2.0", "id": "e", "method": "elicitation/create"}))
                await connection.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}))
                await self._send(connection, {"id": 9_999}, result={})
                await self._send(connection, message, result={"structuredContent": {"done": True}})
            case "never":
                pass


@asynccontextmanager
async def running(fake: Fake) -> AsyncIterator[Fake]:
    """Serve, on the port of last time if there was one."""
    serving = serve(
        fake.handle,
        "127.0.0.1",
        fake.port,
        process_request=fake.check,
        subprotocols=[Subprotocol("mcp")],
        max_size=None,
    )
    async with serving as server:
        fake.port = server.sockets[0].getsockname()[1]
        yield fake
        for connection in server.connections:
            connection.transport.abort()
