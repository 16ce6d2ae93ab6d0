# frozen_string_literal: true

$LOAD_PATH.unshift File.expand_path('../../../clients/ruby/lib', __dir__)

require 'fastmcp_client'
require 'json'
require 'net/http'
require 'openssl'
require 'securerandom'
require 'timeout'

# What is asked of the server over HTTP.
module Asking
  PLACE = URI(ENV.fetch('PILOTAGE_URL'))
  SECRET = ENV.fetch('WEBHOOK_SECRET')
  # Nothing takes longer unless something is broken.
  DEADLINE_SECONDS = 30

  def request(method, path, body = nil, headers = {}, place: PLACE)
    Net::HTTP.start(place.host, place.port) do |http|
      http.send_request(method, path, body, { 'Content-Type' => 'application/json' }.merge(headers))
    end
  end

  def told(answer)
    JSON.parse(answer.body)
  end

  # Delivers as GitHub does.
  def github(body, id: SecureRandom.uuid, event: 'push', secret: SECRET)
    signature = "sha256=#{OpenSSL::HMAC.hexdigest('SHA256', secret, body)}"
    request('POST', '/webhooks/github', body,
            { 'X-GitHub-Event' => event, 'X-GitHub-Delivery' => id, 'X-Hub-Signature-256' => signature })
  end

  # Delivers as GitLab does.
  def gitlab(body)
    request('POST', '/webhooks/gitlab', body,
            { 'X-Gitlab-Event' => 'Push Hook', 'X-Gitlab-Token' => SECRET, 'Idempotency-Key' => SecureRandom.uuid })
  end

  # Looks until something is there.
  def wait_for(what)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + DEADLINE_SECONDS
    loop do
      found = yield
      return found if found

      raise "waited in vain for #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      Thread.pass
    end
  end
end

RSpec.configure do |config|
  config.disable_monkey_patching!
  config.include Asking
  config.around { |example| Timeout.timeout(2 * Asking::DEADLINE_SECONDS) { example.run } }
end
