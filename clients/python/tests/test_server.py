"""The client against Pilotage itself, with the mock of Make behind it; `PILOTAGE_BIN` names the binary."""

import asyncio
import collections
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from fastmcp_python_client import ConnectionLostError, FastMCPClient, ToolError, ValidationError

BINARY = os.environ.get("PILOTAGE_BIN", "")
# The team of the mock's built-in seed.
TEAM = 5
MODULES = {
    "data_processing": ["webhook", "transformer", "database"],
    "notification": ["webhook", "filter", "slack"],
    "analytics": ["webhook", "aggregator", "dashboard"],
}

pytestmark = pytest.mark.skipif(not BINARY, reason="PILOTAGE_BIN is not set: it is the path of a built pilotage")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Process:
    """A command of Pilotage that runs until it is killed, and the first line it says that has this key."""

    def __init__(self, arguments: list[str], key: str, **environment: str) -> None:
        command = [BINARY, *arguments, "--format", "json"]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        lines = (json.loads(line) for line in self._child.stdout or ())
        self.said: dict[str, Any] = next(line for line in lines if key in line)
        # Whatever it says afterwards must be taken from it, or it would wait for a reader.
        self._rest = threading.Thread(target=collections.deque, args=[lines, 0])
        self._rest.start()

    def kill(self) -> None:
        """End it without a word, as a crash does."""
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        self._rest.join()
        if self._child.stdout is not None:
            self._child.stdout.close()


class Pilotage:
    """A server on one address, which can go away and come back."""

    def __init__(self, folder: Path, make: dict[str, Any]) -> None:
        self.port = free_port()
        self._folder = folder
        self._environment = {"MAKE_API_ENDPOINT": f"{make['url']}/api/v2", "MAKE_API_TOKEN": make["token"]}
        self.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self) -> None:
        arguments = ["up", "--listen", f"127.0.0.1:{self.port}", "--health-listen", "127.0.0.1:0"]
        arguments += ["--data-dir", str(self._folder / "state")]
        self._process = Process(arguments, "listening", **self._environment)

    def kill(self) -> None:
        self._process.kill()


@pytest.fixture(scope="module")
def pilotage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilotage]:
    make = Process(["mock", "make"], "token")
    server = Pilotage(tmp_path_factory.mktemp("pilotage"), make.said)
    yield server
    server.kill()
    make.kill()


@pytest_asyncio.fixture
async def client(pilotage: Pilotage) -> AsyncIterator[FastMCPClient]:
    async with FastMCPClient(pilotage.url, timeout=30) as client:
        yield client


async def test_a_scenario_is_created_listed_and_run(client: FastMCPClient) -> None:
    created = await client.execute_tool("create-scenario", {"name": "Orders of Ada", "teamId": TEAM})
    assert created["success"] is True
    again = await client.execute_tool("create-scenario", {"name": "Orders of Bob", "team_id": TEAM})
    assert created["scenario_id"] != again["scenario_id"]
    listed = json.dumps(await client.execute_tool("list-scenarios", {"team_id": TEAM}))
    assert "Orders of Ada" in listed
    assert "Orders of Bob" in listed
    assert await client.execute_tool("run-scenario", {"scenario_id": 925, "data": {"name": "Ada"}})


async def test_a_missing_argument_is_named(client: FastMCPClient) -> None:
    with pytest.raises(ValidationError, match="name is required") as failed:
        await client.execute_tool("create-scenario", {"teamId": TEAM})
    assert failed.value.field == "name"
    with pytest.raises(ValidationError, match="nmae"):
        await client.execute_tool("create-scenario", {"nmae": "typed too fast", "name": "x", "teamId": TEAM})
    with pytest.raises(ToolError) as missing:
        await client.execute_tool("get-scenario", {"scenario_id": 999_999})
    assert not isinstance(missing.value, ValidationError)


@pytest.mark.parametrize("template", MODULES)
async def test_templates_give_their_modules(client: FastMCPClient, template: str) -> None:
    given = {"template_type": template, "name": f"From {template}", "team_id": TEAM}
    made = await client.execute_tool("create-scenario-from-template", given)
    assert [module["type"] for module in made["scenario_config"]["modules"]] == MODULES[template]


async def test_different_tools_run_side_by_side(client: FastMCPClient) -> None:
    calls = [
        client.execute_tool("list-templates", {"category": "notification"}),
        client.execute_tool("get-team-info", {"team_id": TEAM}),
        client.execute_tool("get-usage-stats", {"team_id": TEAM, "period": "month"}),
        client.execute_tool("list-connections", {"team_id": TEAM}),
    ]
    assert all(await asyncio.gather(*calls))


async def test_fifty_calls_at_once_succeed(client: FastMCPClient) -> None:
    calls = [client.execute_tool("list-scenarios", {"team_id": TEAM}) for _ in range(50)]
    answers = await asyncio.gather(*calls)
    assert all(answer == answers[0] for answer in answers)


async def test_the_tools_are_listed(client: FastMCPClient) -> None:
    tools = {tool["name"]: tool for tool in await client.list_tools()}
    assert {"create-scenario", "list-scenarios"} <= tools.keys()
    assert all("inputSchema" in tool for tool in tools.values())


async def test_a_crash_fails_what_is_under_way_and_the_restart_serves_the_next(
    client: FastMCPClient, pilotage: Pilotage
) -> None:
    under_way = [asyncio.create_task(client.execute_tool("list-scenarios", {"team_id": TEAM})) for _ in range(20)]
    await asyncio.sleep(0)
    pilotage.kill()
    # All of them were sent, so none waits for the server to come back.
    ended = await asyncio.gather(*under_way, return_exceptions=True)
    assert all(isinstance(end, dict | ConnectionLostError) for end in ended), ended
    waiting = asyncio.create_task(client.execute_tool("get-team-info", {"team_id": TEAM}))
    await asyncio.to_thread(pilotage.start)
    assert await waiting
