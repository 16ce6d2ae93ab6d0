# frozen_string_literal: true

require 'json'
require 'monitor'
require 'websocket/driver'

require_relative 'errors'
require_relative 'version'
require_relative 'wire'

module FastMCPClient
  # One connection: requests go out, answers find their request by its id. Any thread may use it.
  class Connection
    SUBPROTOCOL = 'mcp'
    # The revisions of MCP that begin with `initialize`, newest first.
    REVISIONS = %w[2025-11-25 2025-06-18 2025-03-26 2024-11-05].freeze
    INFO = { name: 'fastmcp_client', version: VERSION }.freeze
    METHOD_NOT_FOUND = -32_601
    # After so many seconds of silence the server is asked whether it lives; after twice as many it does not.
    PING_SECONDS = 20
    # How long the closing handshake may take, in seconds.
    CLOSE_SECONDS = 5
    # Longest answer to the request for a WebSocket.
    MOST_HEAD_BYTES = 64 * 1024
    # Refusals that end by themselves: a server that starts, or a proxy whose server does.
    PASSING = [429, 502, 503, 504].freeze
    BROKEN = [SystemCallError, IOError, SocketError, OpenSSL::SSL::SSLError].freeze

    # A request that waits for its answer.
    Pending = Struct.new(:arrived, :answer, :is_answered, :lost)

    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    # Connects and shakes hands until the deadline.
    #
    # Raises ConnectFailedError if nobody answers, the token is refused, or it is no MCP server.
    def initialize(url, token, max_message_bytes, deadline)
      @url = url
      @monitor = Monitor.new
      @pending = {}
      @number = 0
      @lost = nil
      @wire = reach(url, deadline)
      @driver = driver(token, max_message_bytes)
      begin
        upgrade(deadline)
        @reader = Thread.new { read }
        @reader.report_on_exception = false
        greet(deadline)
      rescue Exception
        abandon
        raise
      end
    end

    # Whether requests can be sent.
    def open?
      @monitor.synchronize { @lost.nil? }
    end

    # Sends a request and returns the whole answer; nil if none came before the deadline, and the server is then asked to
    # cancel, as it is if something else ends the wait.
    #
    # Raises ConnectionLostError if the connection ended first.
    def request(method, params, deadline)
      pending = nil
      number = nil
      @monitor.synchronize do
        pending = Pending.new(@monitor.new_cond)
        number = (@number += 1)
        frame = frame(id: number, method: method, params: params)
        @pending[number] = pending
        send_frame(frame)
        wait(pending, deadline)
      end
      pending.answer
    ensure
      # MCP: a client must not cancel its `initialize`.
      forget(number, cancel: !(pending&.is_answered || pending&.lost || method == 'initialize')) if number
    end

    # Sends what has no answer.
    def notify(method, params)
      @monitor.synchronize { send_message(method: method, params: params) }
    end

    # Ends the connection; what is under way fails.
    def close
      @monitor.synchronize do
        lose('it was disconnected')
        @driver.close
      end
      @reader.join(CLOSE_SECONDS)
    rescue *BROKEN
      # It is gone, which is what was asked for.
    ensure
      abandon
    end

    private

    def reach(url, deadline)
      Wire.new(url, deadline)
    rescue *BROKEN => e
      raise ConnectFailedError, "cannot connect to #{url}: #{e.message}"
    end

    def driver(token, max_message_bytes)
      driver = WebSocket::Driver.client(@wire, max_length: max_message_bytes, protocols: [SUBPROTOCOL])
      driver.set_header('Authorization', "Bearer #{token}") if token
      driver.on(:message) { |event| take(event.data) }
      driver.on(:error) { |event| lose(event.message) }
      driver.on(:close) { |event| lose("the server ended it (#{event.code})") }
      driver
    end

    # The request for a WebSocket, and its answer.
    def upgrade(deadline)
      @driver.start
      taken = 0
      until @driver.state == :open
        read = @wire.read([deadline - self.class.now, 0].max)
        raise ConnectFailedError, "#{@url} did not answer in time" if read == :nothing
        raise refusal if read.nil? || (taken += read.bytesize) > MOST_HEAD_BYTES

        @driver.parse(read)
        raise refusal if @lost
      end
    rescue *BROKEN => e
      raise ConnectFailedError, "cannot connect to #{@url}: #{e.message}"
    end

    def refusal
      case (status = @driver.status)
      when nil, 101 then ConnectFailedError.new("#{@url} does not answer as a WebSocket: #{@lost || 'it ended'}")
      when 401 then ConnectFailedError.new("#{@url} asks for a valid token (401)", may_pass: false)
      else
        text = "#{@url} answers #{status} instead of a WebSocket"
        ConnectFailedError.new(text, may_pass: PASSING.include?(status))
      end
    end

    def greet(deadline)
      params = { protocolVersion: REVISIONS.first, capabilities: {}, clientInfo: INFO }
      answer = request('initialize', params, deadline)
      raise ConnectFailedError, "#{@url} did not answer in time" if answer.nil?

      result = answer[:result]
      revision = result.is_a?(Hash) ? result[:protocolVersion] : nil
      unless REVISIONS.include?(revision)
        why = revision ? "the server speaks MCP #{revision}, this client does not" : "the server refuses the handshake: #{answer[:error]}"
        raise ConnectFailedError.new(why, may_pass: false)
      end
      notify('notifications/initialized', {})
    rescue ConnectionLostError => e
      raise ConnectFailedError, e.message
    end

    def frame(message)
      JSON.generate({ jsonrpc: '2.0', **message })
    end

    def send_message(message)
      send_frame(frame(message))
    end

    # Within the monitor.
    def send_frame(frame)
      raise NotSentError, "the connection was lost: #{@lost}" if @lost

      begin
        @driver.text(frame)
      rescue *BROKEN => e
        lose(e.message)
        raise @wire.begun? ? ConnectionLostError : NotSentError, "the connection was lost: #{e.message}"
      end
    end

    # Within the monitor, which is left meanwhile.
    def wait(pending, deadline)
      until pending.is_answered
        raise ConnectionLostError, "the connection was lost before the answer came: #{pending.lost}" if pending.lost

        left = deadline - self.class.now
        return unless left.positive?

        pending.arrived.wait(left)
      end
    end

    # If the server cannot be told, the connection is gone anyway.
    def forget(number, cancel:)
      @monitor.synchronize do
        was_waiting = @pending.delete(number)
        if cancel && was_waiting && @lost.nil?
          params = { requestId: number, reason: 'the caller does not wait any longer' }
          send_message(method: 'notifications/cancelled', params: params)
        end
      end
    rescue ConnectionLostError
      nil
    end

    # What the reader does: takes what comes, asks a silent server whether it lives, and at last says that it is over.
    def read
      was_asked = false
      loop do
        read = @wire.read(PING_SECONDS)
        break lose('the server ended it') if read.nil?
        break lose('the server does not answer any more') if read == :nothing && was_asked

        was_asked = read == :nothing
        @monitor.synchronize { was_asked ? @driver.ping : @driver.parse(read) }
        break unless reading?
      end
    rescue *BROKEN => e
      lose(e.message)
    rescue StandardError => e
      lose("#{e.class}: #{e.message}")
    ensure
      @wire.close
    end

    # After a close of ours the server's is awaited; after anything else nothing.
    def reading?
      @monitor.synchronize { @lost.nil? || @driver.state == :closing }
    end

    # Within the monitor, as the driver calls it while it parses.
    def take(frame)
      return if @lost
      return violate('the server sent a binary frame, which is not MCP') unless frame.is_a?(String)

      message = parse(frame)
      return violate('the server sent text that is no message of JSON-RPC 2.0') unless message

      if message.key?(:method)
        reply(message) if message[:id]
        return
      end
      # An answer to a request that nobody waits for any more is late, not wrong.
      pending = @pending.delete(message[:id])
      return unless pending

      pending.answer = message
      pending.is_answered = true
      pending.arrived.signal
    end

    def parse(frame)
      message = JSON.parse(frame, symbolize_names: true)
      message if message.is_a?(Hash) && message[:jsonrpc] == '2.0'
    rescue JSON::ParserError
      nil
    end

    # The server may ask whether the client lives, and nothing else.
    def reply(message)
      answer = { error: { code: METHOD_NOT_FOUND, message: 'this client only calls tools' } }
      answer = { result: {} } if message[:method] == 'ping'
      send_message(id: message[:id], **answer)
    rescue ConnectionLostError
      nil
    end

    def violate(reason)
      lose(reason)
      @driver.close('not MCP', 1002)
    rescue *BROKEN
      nil
    end

    def lose(reason)
      @monitor.synchronize do
        @lost ||= reason
        lost = @pending
        @pending = {}
        lost.each_value do |pending|
          pending.lost = @lost
          pending.arrived.signal
        end
      end
    end

    def abandon
      @wire.shutdown
      @reader ? @reader.join(CLOSE_SECONDS) : @wire.close
    end
  end
end
