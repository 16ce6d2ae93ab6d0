# frozen_string_literal: true

$LOAD_PATH.unshift File.expand_path('../lib', __dir__)

require 'fastmcp_client'
require 'timeout'

Thread.report_on_exception = true

# Nothing in a test takes longer unless something is broken.
DEADLINE_SECONDS = 60

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.order = :random
  config.around { |example| Timeout.timeout(DEADLINE_SECONDS) { example.run } }
end
