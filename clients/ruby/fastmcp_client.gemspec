# frozen_string_literal: true

require_relative 'lib/fastmcp_client/version'

Gem::Specification.new do |spec|
  spec.name = 'fastmcp_client'
  spec.version = FastMCPClient::VERSION
  spec.summary = 'Calls the tools of an MCP server over WebSocket.'
  spec.authors = ['The Pilotage authors']
  spec.license = 'Apache-2.0'
  spec.files = Dir['lib/**/*.rb'] + ['README.md']
  spec.required_ruby_version = '>= 3.1'
  # The protocol alone, without a reactor; Debian 12 has 0.6.3 of it.
  spec.add_dependency 'websocket-driver', '>= 0.6.3', '< 1'
  spec.metadata['rubygems_mfa_required'] = 'true'
end
