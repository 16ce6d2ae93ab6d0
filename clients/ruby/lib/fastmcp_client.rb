# frozen_string_literal: true

require_relative 'fastmcp_client/version'
require_relative 'fastmcp_client/errors'
require_relative 'fastmcp_client/client'

# Calls the tools of an MCP server over WebSocket.
#
#   client = FastMCPClient::Client.new(server_url: 'ws://localhost:8080/ws', timeout: 30)
#   client.connect
#   client.execute_tool('create-scenario', name: 'Orders', team_id: 5)
#   client.disconnect
module FastMCPClient
end
