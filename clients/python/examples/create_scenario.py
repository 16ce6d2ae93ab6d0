"""Creates a scenario from a template and shows what the team has then.

Usage: create_scenario.py NAME TEAM_ID    (PILOTAGE_WS_URL and PILOTAGE_TOKEN say where and as whom)
"""

import asyncio
import os
import sys

from fastmcp_python_client import FastMCPClient, ToolError


async def main(name: str, team: int) -> int:
    """Do it, and return the exit code."""
    url = os.environ.get("PILOTAGE_WS_URL", "ws://localhost:8080/ws")
    async with FastMCPClient(url, token=os.environ.get("PILOTAGE_TOKEN")) as client:
        template = {"template_type": "notification", "name": name, "team_id": team}
        try:
            created = await client.execute_tool("create-scenario-from-template", template)
        except ToolError as error:
            print(error, file=sys.stderr)
            return 1
        print(created)
        # Several calls at once share the connection.
        info, usage = await asyncio.gather(
            client.execute_tool("get-team-info", {"team_id": team}),
            client.execute_tool("get-usage-stats", {"team_id": team}),
        )
        print(info, usage, sep="\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
