"""The client for Python: what it is given, what it tells, and what it does not send."""

import os

import pytest
from fastmcp_python_client import ConnectFailedError, FastMCPClient, NotConnectedError, ToolError, ValidationError

TEAM = 5


async def test_a_scenario_is_created_and_found(client: FastMCPClient) -> None:
    created = await client.execute_tool("create-scenario", {"name": "Orders of Grace", "teamId": TEAM})
    assert created["success"] is True
    shown = await client.execute_tool("get-scenario", {"scenario_id": created["scenario_id"]})
    assert shown["scenario"]["name"] == "Orders of Grace"


async def test_a_template_is_made_into_a_scenario(client: FastMCPClient) -> None:
    given = {"template_type": "notification", "name": "Tell sales", "team_id": TEAM}
    made = await client.execute_tool("create-scenario-from-template", given)
    assert [part["type"] for part in made["scenario_config"]["modules"]] == ["webhook", "filter", "slack"]


async def test_what_is_wrong_is_told_apart(client: FastMCPClient) -> None:
    with pytest.raises(ValidationError, match="name is required") as missing:
        await client.execute_tool("create-scenario", {"teamId": TEAM})
    assert missing.value.field == "name"
    with pytest.raises(ToolError) as absent:
        await client.execute_tool("get-scenario", {"scenario_id": 999_999})
    assert not isinstance(absent.value, ValidationError)
    # The connection is as good as before.
    assert (await client.execute_tool("get-team-info", {"team_id": TEAM}))["team"]["id"] == TEAM


async def test_who_has_not_connected_is_told_so() -> None:
    with pytest.raises(NotConnectedError):
        await FastMCPClient(os.environ["PILOTAGE_SOCKET"]).execute_tool("list-scenarios", {})
    # Nobody answers on the discard port.
    with pytest.raises(ConnectFailedError):
        await FastMCPClient("ws://127.0.0.1:9/ws", timeout=5).connect()


async def test_every_tool_has_a_schema(client: FastMCPClient) -> None:
    tools = await client.list_tools()
    names = [tool["name"] for tool in tools]
    assert {"create-scenario", "list-templates", "list-events"} <= set(names)
    assert all(tool["inputSchema"]["type"] == "object" for tool in tools)
