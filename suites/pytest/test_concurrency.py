"""Many calls at once: over one connection, over many, of one kind and of several."""

import asyncio
import json
import os
import urllib.request
from typing import Any

from fastmcp_python_client import FastMCPClient

TEAM = 5
CALLS = 50


def control(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the mock of Make."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{os.environ['MOCK_URL']}/__mock/{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answered: dict[str, Any] = json.loads(answer.read() or b"{}")
    return answered


async def test_fifty_calls_at_once_over_one_connection(client: FastMCPClient) -> None:
    # What Make allows in a minute is no matter here.
    control("rate-limit", {"requests": 10_000, "perMs": 60_000})
    answers = await asyncio.gather(*(client.execute_tool("list-connections", {"team_id": TEAM}) for _ in range(CALLS)))
    assert len(answers) == CALLS
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["connections"][0]["name"] == "Shop"


async def test_fifty_scenarios_are_created_at_once_and_each_is_its_own(client: FastMCPClient) -> None:
    control("rate-limit", {"requests": 10_000, "perMs": 60_000})
    names = [f"At once {number}" for number in range(CALLS)]
    created = await asyncio.gather(
        *(client.execute_tool("create-scenario", {"name": name, "teamId": TEAM}) for name in names)
    )
    ids = [one["scenario_id"] for one in created]
    assert len(set(ids)) == CALLS
    shown = await asyncio.gather(*(client.execute_tool("get-scenario", {"scenario_id": one}) for one in ids))
    assert [one["scenario"]["name"] for one in shown] == names


async def test_fifty_connections_at_once() -> None:
    async def ask(number: int) -> Any:
        async with FastMCPClient(os.environ["PILOTAGE_SOCKET"], timeout=30) as client:
            return await client.execute_tool("get-team-info", {"team_id": 5 + number % 2})

    answers = await asyncio.gather(*(ask(number) for number in range(CALLS)))
    assert [answer["team"]["id"] for answer in answers] == [5 + number % 2 for number in range(CALLS)]


async def test_different_tools_run_side_by_side(client: FastMCPClient) -> None:
    scenarios, connections, team, usage = await asyncio.gather(
        client.execute_tool("list-scenarios", {"team_id": TEAM}),
        client.execute_tool("list-connections", {"team_id": TEAM}),
        client.execute_tool("get-team-info", {"team_id": 6}),
        client.execute_tool("get-usage-stats", {"team_id": TEAM, "period": "month"}),
    )
    assert {one["teamId"] for one in scenarios["scenarios"]} == {TEAM}
    assert connections["connections"][0]["name"] == "Shop"
    assert team["team"]["name"] == "Staging"
    assert len(usage["days"]) == 30
