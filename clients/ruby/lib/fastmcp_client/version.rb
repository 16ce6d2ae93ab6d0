# frozen_string_literal: true

module FastMCPClient
  VERSION = '0.1.0'
end
