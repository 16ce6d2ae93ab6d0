"""The client."""

import asyncio
import random
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from . import _results
from ._connection import Connection, NotSentError
from .errors import CallTimeoutError, ConnectFailedError, NotConnectedError

# Between two attempts to connect again, in seconds: from the first, doubling, up to the second.
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
# Pages of a list of tools; more than any server has.
_MOST_PAGES = 1_000


class FastMCPClient:
    """Calls the tools of an MCP server over one WebSocket connection, as many at once as you like.

    If the server goes away and comes back, the next call connects again. Calls that were under way then fail with
    `ConnectionLostError` and are never repeated by the client, as the tool may have run.
    """

    def __init__(
        self,
        server_url: str = "ws://localhost:8080/ws",
        timeout: float = 30,
        *,
        token: str | None = None,
        max_message_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        """Make a client; it connects with `connect` or `async with`.

        Args:
            server_url: where the server answers, `ws://` or `wss://`.
            timeout: for connecting and for each call, in seconds.
            token: sent as a bearer token. Use `wss://` wherever others can listen.
            max_message_bytes: the longest answer that is taken; a longer one ends the connection.

        Raises:
            ValueError: the address is no WebSocket address, or a limit is not positive.
        """
        if urlsplit(server_url).scheme not in {"ws", "wss"}:
            raise ValueError(f"server_url must begin with ws:// or wss://, not {server_url!r}")
        if timeout <= 0 or max_message_bytes <= 0:
            raise ValueError("timeout and max_message_bytes must be positive")
        self.server_url = server_url
        self.timeout = timeout
        self._token = token
        self._max_message_bytes = max_message_bytes
        self._wanted = False
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def connect(self) -> None:
        """Connect, once and without trying again.

        Raises:
            ConnectFailedError: nobody answers, the token is refused, or it is no MCP server.
        """
        async with self._opening:
            if self._connection is None or not self._connection.is_open:
                try:
                    async with asyncio.timeout(self.timeout):
                        self._connection = await self._open()
                except TimeoutError as error:
                    raise ConnectFailedError(f"{self.server_url} did not answer within {self.timeout} s") from error
            self._wanted = True

    async def disconnect(self) -> None:
        """End the connection. Calls that are under way fail."""
        self._wanted = False
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def execute_tool(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the server is to be told, which `asyncio.timeout` cannot
    ) -> dict[str, Any]:
        """Call a tool and return its structured content.

        A tool that has none gives `{"text": ..., "content": [...]}`.

        Args:
            name: such as `create-scenario`.
            arguments: what the tool takes.
            timeout: for this call, in seconds; the client's own where it is left out.

        Raises:
            ValidationError: the arguments are not what the tool takes.
            ToolError: the tool says that it failed.
            CallTimeoutError: no answer came in time, and the server was told to cancel.
            ConnectionLostError: the connection ended first; the tool may have run.
            ServerError: the server refuses the request for another reason.
            ConnectFailedError: the connection was lost earlier and cannot be made again.
            NotConnectedError: `connect` was not called.
        """
        given = arguments or {}
        result = await self._request("tools/call", {"name": name, "arguments": given}, given, timeout)
        return _results.value_of(result, given)

    async def list_tools(self) -> list[dict[str, Any]]:
        """Return the tools that the server has for this client, each with `name`, `description` and `inputSchema`."""
        tools: list[dict[str, Any]] = []
        params: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = await self._request("tools/list", params, {}, None)
            tools.extend(page.get("tools", []))
            if not page.get("nextCursor"):
                break
            params = {"cursor": page["nextCursor"]}
        return tools

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.disconnect()

    async def _request(
        self, method: str, params: dict[str, Any], arguments: dict[str, Any], limit: float | None
    ) -> dict[str, Any]:
        limit = self.timeout if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                answer = await self._ask(method, params)
        except TimeoutError as error:
            name = params.get("name", method)
            raise CallTimeoutError(f"no answer to {name} within {limit} s") from error
        result = answer.get("result")
        if isinstance(result, dict):
            return result
        raise _results.error_of(answer.get("error"), arguments)

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        while True:
            connection = await self._connected()
            try:
                return await connection.request(method, params)
            except NotSentError:
                # It ended just now, and what was not sent did not run.
                continue

    async def _connected(self) -> Connection:
        """Return the connection; after it was lost, a new one."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            async with self._opening:
                if not self._wanted:
                    raise NotConnectedError("call connect() first")
                if self._connection is not None and self._connection.is_open:
                    return self._connection
                try:
                    connection = await self._open()
                except ConnectFailedError as error:
                    if not error.may_pass:
                        raise
                else:
                    if self._wanted:
                        self._connection = connection
                        return connection
                    await connection.close()
                    continue
            # Not all clients of a server that comes back are to knock at the same moment.
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - no secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def _open(self) -> Connection:
        return await Connection.open(self.server_url, self._token, self._max_message_bytes)
