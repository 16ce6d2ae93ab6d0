"""One connection: requests go out, answers find their request by its id."""

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from .errors import ConnectFailedError, ConnectionLostError

SUBPROTOCOL = Subprotocol("mcp")
# The revisions of MCP that begin with `initialize`, newest first.
REVISIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")

_INFO = {"name": "fastmcp-python-client", "version": "0.1.0"}
_METHOD_NOT_FOUND = -32601
# How often a silent connection is asked whether it still lives, and how long that may take, in seconds.
_PING_SECONDS = 20
# How long the closing handshake may take, in seconds.
_CLOSE_SECONDS = 5
# Refusals that end by themselves: a server that starts, or a proxy whose server does.
_PASSING = frozenset({429, 502, 503, 504})

_log = logging.getLogger("fastmcp_python_client")


class Connection:
    """A connection after its handshake."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._lost: str | None = None
        # Notes that nobody waits for; without a reference a task may be collected before it has run.
        self._notes: set[asyncio.Task[None]] = set()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, token: str | None, max_message_bytes: int) -> "Connection":
        """Connect and shake hands.

        Raises:
            ConnectFailedError: nobody answers, the token is refused, or it is no MCP server.
        """
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            socket = await connect(
                url,
                subprotocols=[SUBPROTOCOL],
                additional_headers=headers,
                max_size=max_message_bytes,
                ping_interval=_PING_SECONDS,
                ping_timeout=_PING_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                # The caller's time limit holds for the whole.
                open_timeout=None,
            )
        except InvalidStatus as refused:
            raise _refusal(url, refused.response.status_code) from refused
        except (OSError, WebSocketException, EOFError) as error:
            raise ConnectFailedError(f"cannot connect to {url}: {error}") from error
        connection = cls(socket)
        try:
            await connection._initialize()
        except BaseException:
            # Without a closing handshake: whoever does not answer the opening one does not answer that either.
            socket.transport.abort()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return self._lost is None and self._socket.state is State.OPEN

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the whole answer. Whoever cancels this cancels the request at the server.

        Raises:
            ConnectionLostError: the connection ended before the answer came.
        """
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            await self._send({"id": number, "method": method, "params": params})
            return await answer
        except asyncio.CancelledError:
            # MCP: a client must not cancel its `initialize`.
            if method != "initialize":
                self._cancel(number)
            raise
        finally:
            self._pending.pop(number, None)

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send what has no answer."""
        await self._send({"method": method, "params": params})

    async def close(self) -> None:
        """End the connection; what is under way fails."""
        self._lose("it was disconnected")
        await self._socket.close()
        await asyncio.wait([self._reader, *self._notes])

    async def _initialize(self) -> None:
        params = {"protocolVersion": REVISIONS[0], "capabilities": {}, "clientInfo": _INFO}
        try:
            answer = await self.request("initialize", params)
        except ConnectionLostError as lost:
            raise ConnectFailedError(str(lost)) from lost
        result = answer.get("result")
        if not isinstance(result, dict):
            raise ConnectFailedError(f"the server refuses the handshake: {answer.get('error')}", may_pass=False)
        revision = result.get("protocolVersion")
        if revision not in REVISIONS:
            raise ConnectFailedError(f"the server speaks MCP {revision}, this client does not", may_pass=False)
        await self.notify("notifications/initialized", {})

    async def _send(self, message: dict[str, Any]) -> None:
        frame = json.dumps({"jsonrpc": "2.0", **message}, allow_nan=False)
        if self._lost is not None or self._socket.state is not State.OPEN:
            raise NotSentError(f"the connection was lost: {self._lost or 'it ended just now'}")
        try:
            await self._socket.send(frame)
        except ConnectionClosed as closed:
            self._lose(str(closed))
            raise ConnectionLostError(f"the connection was lost: {closed}") from closed

    def _cancel(self, number: int) -> None:
        """Tell the server that nobody waits any more. If that cannot be said, the connection is gone anyway."""
        params = {"requestId": number, "reason": "the caller does not wait any longer"}
        note = asyncio.create_task(self._try(self.notify("notifications/cancelled", params)))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _read(self) -> None:
        reason = "the server ended it"
        try:
            async for frame in self._socket:
                await self._take(frame)
        except ConnectionClosed as closed:
            reason = str(closed)
        except _NotMcpError as error:
            reason = str(error)
            await self._try(self._socket.close(1002, "not MCP"))
        finally:
            self._lose(reason)

    async def _take(self, frame: str | bytes) -> None:
        message = _parse(frame)
        number = message.get("id")
        if "method" in message:
            if number is not None:
                await self._answer(message)
            return
        # An answer to a request that nobody waits for any more is late, not wrong.
        pending = self._pending.pop(number, None) if isinstance(number, int) else None
        if pending is not None and not pending.done():
            pending.set_result(message)

    async def _answer(self, message: dict[str, Any]) -> None:
        """Answer the server's own requests: it may ask whether the client lives, and nothing else."""
        if message["method"] == "ping":
            answer: dict[str, Any] = {"result": {}}
        else:
            answer = {"error": {"code": _METHOD_NOT_FOUND, "message": "this client only calls tools"}}
        await self._try(self._send({"id": message["id"], **answer}))

    @staticmethod
    async def _try(sending: Awaitable[object]) -> None:
        try:
            await sending
        except (ConnectionLostError, ConnectionClosed) as error:
            _log.debug("could not be said any more: %s", error)

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = reason
        pending, self._pending = self._pending, {}
        for answer in pending.values():
            if not answer.done():
                message = f"the connection was lost before the answer came: {self._lost}"
                answer.set_exception(ConnectionLostError(message))


class NotSentError(ConnectionLostError):
    """The connection had ended before a byte of the request left; another one can take it."""


class _NotMcpError(Exception):
    """The other end sends something else than JSON-RPC."""


def _parse(frame: str | bytes) -> dict[str, Any]:
    if isinstance(frame, bytes):
        raise _NotMcpError("the server sent a binary frame, which is not MCP")
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise _NotMcpError("the server sent text that is no JSON") from error
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _NotMcpError("the server sent JSON that is no message of JSON-RPC 2.0")
    return message


def _refusal(url: str, status: int) -> ConnectFailedError:
    if status == HTTPStatus.UNAUTHORIZED:
        return ConnectFailedError(f"{url} asks for a valid token (401)", may_pass=False)
    return ConnectFailedError(f"{url} answers {status} instead of a WebSocket", may_pass=status in _PASSING)
