#!/usr/bin/env ruby
# frozen_string_literal: true

# Creates a scenario from a template and shows what the team has then.
#
# Usage: create_scenario.rb NAME TEAM_ID    (PILOTAGE_WS_URL and PILOTAGE_TOKEN say where and as whom)

$LOAD_PATH.unshift File.expand_path('../lib', __dir__)
require 'fastmcp_client'

name, team = ARGV
abort "Usage: #{$PROGRAM_NAME} NAME TEAM_ID" if team.nil?
team = Integer(team)

url = ENV.fetch('PILOTAGE_WS_URL', 'ws://localhost:8080/ws')
FastMCPClient::Client.open(server_url: url, token: ENV.fetch('PILOTAGE_TOKEN', nil)) do |client|
  puts client.execute_tool('create-scenario-from-template', template_type: 'notification', name: name, team_id: team)
  # Several threads share the connection.
  tools = %w[get-team-info get-usage-stats]
  puts tools.map { |tool| Thread.new { client.execute_tool(tool, team_id: team) } }.map(&:value)
rescue FastMCPClient::ToolError => e
  abort e.message
end
