"""One official client, unmodified: `python client.py mcp|fastmcp http URL` or `... stdio PROGRAM ARGUMENT...`.

Writes one line of JSON: what it saw of a tool that reads, one that fails, and one that changes, in a dry run.
"""

import asyncio
import json
import sys

RULE = {
    "id": "r",
    "trigger": {"source": "github"},
    "actions": [{"type": "webhook", "target": "https://example.com/"}],
}


async def walk(client) -> None:
    """Both libraries name what they do and what they find a little differently."""
    listed = await client.list_tools()
    call = getattr(client, "call_tool_mcp", client.call_tool)
    read = await call("get-status", {})
    failed = await call("get-rule", {"id": "nowhere"})
    dry = await call("put-rule", {"rule": RULE, "dry_run": True})
    content = lambda result: result.model_dump(by_alias=True)["structuredContent"]
    print(
        json.dumps(
            {
                "tools": len(getattr(listed, "tools", listed)),
                "read": "totals" in content(read),
                "failed": failed.model_dump(by_alias=True)["isError"],
                "dry": content(dry)["would"],
            }
        )
    )


async def main(library: str, transport: str, target: str, *rest: str) -> None:
    if library == "fastmcp":
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport

        where = target if transport == "http" else StdioTransport(target, list(rest), env={})
        async with Client(where) as client:
            await walk(client)
        return
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if transport == "http":
        streams = streamable_http_client(target)
    else:
        streams = stdio_client(StdioServerParameters(command=target, args=list(rest), env={}))
    async with streams as (receive, send, *_), ClientSession(receive, send) as client:
        await client.initialize()
        await walk(client)


asyncio.run(main(*sys.argv[1:]))
