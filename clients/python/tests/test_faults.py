"""What the client does when the server, or the way to it, does not do what it should."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from fake import Fake, running

from fastmcp_python_client import (
    CallTimeoutError,
    ConnectFailedError,
    ConnectionLostError,
    FastMCPClient,
    NotConnectedError,
    ServerError,
    ToolError,
    ValidationError,
)


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[Fake]:
    async with running(Fake()) as fake:
        yield fake


@pytest_asyncio.fixture
async def client(fake: Fake) -> AsyncIterator[FastMCPClient]:
    async with FastMCPClient(fake.url, timeout=10) as client:
        yield client


async def test_a_call_gives_the_structured_content(client: FastMCPClient, fake: Fake) -> None:
    assert await client.execute_tool("echo", {"a": 1, "b": {"c": [None, "ä"]}}) == {"a": 1, "b": {"c": [None, "ä"]}}
    assert [message["method"] for message in fake.received] == ["initialize", "notifications/initialized", "tools/call"]
    assert fake.connections[0].subprotocol == "mcp"


async def test_a_tool_without_structured_content_gives_its_text(client: FastMCPClient) -> None:
    value = await client.execute_tool("text")
    assert value["text"] == "one\ntwo"
    assert len(value["content"]) == 3


async def test_concurrent_calls_share_a_connection_and_get_their_own_answers(client: FastMCPClient, fake: Fake) -> None:
    calls = [{"number": number, "of": 50} for number in range(50)]
    answers = await asyncio.gather(*(client.execute_tool("later", call) for call in calls))
    assert answers == calls
    assert len(fake.connections) == 1


async def test_tools_are_listed_over_all_pages(client: FastMCPClient) -> None:
    assert [tool["name"] for tool in await client.list_tools()] == ["first", "second"]


@pytest.mark.parametrize(
    ("given", "text", "field", "message"),
    [
        ({}, "name is required", "name", "name is required"),
        ({}, 'the arguments do not hold: "name" is a required property. Correct them.', "name", "name is required ("),
        ({}, "`team_id` is required", "team_id", "team_id is required"),
        ({}, "missing field `name` at line 1", "name", "name is required ("),
        ({}, "name\n  Field required [type=missing]", "name", "name is required ("),
        ({"name": None}, "name is required", "name", "name is required"),
        ({"name": ""}, "name is required and must not be empty", "name", "name is required and must not be empty"),
        ({"a": 1}, "this tool takes no argument `a`. Did you mean `b`?", None, "this tool takes no argument `a`"),
        ({"a": 1}, "Input validation error: 1 is not of type 'string'", None, "Input validation error"),
    ],
)
async def test_what_the_tool_does_not_take_is_a_validation_error(
    client: FastMCPClient, given: dict[str, Any], text: str, field: str | None, message: str
) -> None:
    with pytest.raises(ValidationError) as failed:
        await client.execute_tool("fail", {**given, "text": text})
    assert failed.value.field == field
    assert str(failed.value).startswith(message)


@pytest.mark.parametrize("text", ["The scenario is broken", "name is required", ""])
async def test_what_the_tool_could_not_do_is_a_tool_error(client: FastMCPClient, text: str) -> None:
    # The argument was given, so what is required is something else.
    with pytest.raises(ToolError) as failed:
        await client.execute_tool("fail", {"name": "x", "text": text})
    assert not isinstance(failed.value, ValidationError)
    assert str(failed.value) == (text or "the tool failed without saying why")
    assert failed.value.result is not None


async def test_errors_of_the_protocol_keep_their_code(client: FastMCPClient) -> None:
    with pytest.raises(ServerError, match="no such method") as failed:
        await client.execute_tool("error", {"code": -32601, "message": "no such method", "data": 7})
    assert (failed.value.code, failed.value.data) == (-32601, 7)
    with pytest.raises(ValidationError, match=r"^there is no tool"):
        await client.execute_tool("error", {"code": -32602, "message": "there is no tool `error` here"})
    with pytest.raises(ServerError, match="without saying why"):
        await client.execute_tool("error", {})


async def test_a_call_that_takes_too_long_is_cancelled_at_the_server(client: FastMCPClient, fake: Fake) -> None:
    with pytest.raises(CallTimeoutError, match=r"no answer to never within 0.05 s"):
        await client.execute_tool("never", timeout=0.05)
    cancelled = await fake.until_received("notifications/cancelled")
    assert cancelled["params"]["requestId"] == (await fake.until_received("tools/call"))["id"]
    assert await client.execute_tool("echo", {"a": 1}) == {"a": 1}


async def test_a_caller_that_is_cancelled_cancels_at_the_server(client: FastMCPClient, fake: Fake) -> None:
    call = asyncio.create_task(client.execute_tool("never"))
    await fake.until_received("tools/call")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await fake.until_received("notifications/cancelled")


async def test_what_the_server_asks_is_answered(client: FastMCPClient, fake: Fake) -> None:
    assert await client.execute_tool("ask") == {"done": True}
    await client.execute_tool("echo")
    answers = {message["id"]: message for message in fake.received if "method" not in message}
    assert answers["p"]["result"] == {}
    assert answers["e"]["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("tool", "given", "reason"),
    [
        ("drop", {}, "lost"),
        ("raw", {"frame": "no JSON"}, "no JSON"),
        ("raw", {"frame": "[1]"}, "no message of JSON-RPC"),
        ("raw", {"frame": "[" * 200_000}, "no JSON"),
        ("raw", {"frame": '{"jsonrpc":"1.0","id":1}'}, "no message of JSON-RPC"),
        ("binary", {}, "binary frame"),
        ("huge", {"bytes": 17 << 20}, "lost"),
    ],
)
async def test_a_broken_connection_fails_what_is_under_way_and_the_next_call_connects_again(
    client: FastMCPClient, fake: Fake, tool: str, given: dict[str, Any], reason: str
) -> None:
    other = asyncio.create_task(client.execute_tool("never"))
    await fake.until_received("tools/call")
    with pytest.raises(ConnectionLostError, match=reason):
        await client.execute_tool(tool, given)
    with pytest.raises(ConnectionLostError):
        await other
    assert await client.execute_tool("echo", {"a": 1}) == {"a": 1}
    assert len(fake.connections) == 2
    names = [message["params"]["name"] for message in fake.received if message.get("method") == "tools/call"]
    assert names == ["never", tool, "echo"], "nothing was sent twice"


async def test_calls_wait_for_a_server_that_comes_back() -> None:
    fake = Fake()
    async with AsyncExitStack() as stack:
        async with running(fake):
            client = await stack.enter_async_context(FastMCPClient(fake.url, timeout=10))
            assert await client.execute_tool("echo", {"a": 1}) == {"a": 1}
        calls = [asyncio.create_task(client.execute_tool("echo", {"a": number})) for number in range(5)]
        with pytest.raises(CallTimeoutError):
            await client.execute_tool("echo", timeout=0.2)
        async with running(fake):
            assert [answer["a"] for answer in await asyncio.gather(*calls)] == [0, 1, 2, 3, 4]
            assert len(fake.connections) == 2
            await client.disconnect()


async def test_a_refusal_that_does_not_pass_is_not_tried_again(client: FastMCPClient, fake: Fake) -> None:
    with pytest.raises(ConnectionLostError):
        await client.execute_tool("drop")
    fake.refuse_with = 401
    with pytest.raises(ConnectFailedError, match="valid token"):
        await client.execute_tool("echo")
    assert len(fake.authorization) == 2


async def test_connecting_says_why_it_fails(fake: Fake) -> None:
    client = FastMCPClient(fake.url, timeout=0.2, token="sesame")
    fake.silent = True
    with pytest.raises(ConnectFailedError, match=r"did not answer within 0.2 s"):
        await client.connect()
    fake.silent, fake.revision = False, "1999-01-01"
    with pytest.raises(ConnectFailedError, match="speaks MCP 1999-01-01"):
        await client.connect()
    fake.refuse_with = 404
    with pytest.raises(ConnectFailedError, match="answers 404 instead of a WebSocket") as failed:
        await client.connect()
    assert not failed.value.may_pass
    assert fake.authorization == ["Bearer sesame"] * 3
    nobody = FastMCPClient("ws://127.0.0.1:1/ws", timeout=5)
    with pytest.raises(ConnectFailedError, match="cannot connect") as failed:
        await nobody.connect()
    assert failed.value.may_pass
    assert "sesame" not in repr(client)


async def test_nothing_is_called_before_connect_and_after_disconnect(fake: Fake) -> None:
    client = FastMCPClient(fake.url)
    with pytest.raises(NotConnectedError):
        await client.execute_tool("echo")
    await client.connect()
    await client.connect()
    assert len(fake.connections) == 1
    under_way = asyncio.create_task(client.execute_tool("never"))
    await fake.until_received("tools/call")
    await client.disconnect()
    await client.disconnect()
    with pytest.raises(ConnectionLostError, match="disconnected"):
        await under_way
    with pytest.raises(NotConnectedError):
        await client.execute_tool("echo")
    await client.connect()
    assert await client.execute_tool("echo", {"a": 1}) == {"a": 1}
    await client.disconnect()


async def test_what_cannot_be_sent_is_the_callers_mistake(client: FastMCPClient) -> None:
    for value in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            await client.execute_tool("echo", {"a": value})
    assert await client.execute_tool("echo", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    "options", [{"server_url": "http://localhost"}, {"timeout": 0}, {"timeout": -1}, {"max_message_bytes": 0}]
)
def test_settings_that_do_not_hold_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        FastMCPClient(**options)
