# frozen_string_literal: true

require 'uri'

require_relative 'connection'
require_relative 'errors'
require_relative 'results'

module FastMCPClient
  # Calls the tools of an MCP server over one WebSocket connection, from as many threads as you like.
  #
  # If the server goes away and comes back, the next call connects again. Calls that were under way then fail with
  # ConnectionLostError and are never repeated by the client, as the tool may have run.
  class Client
    # Between two attempts to connect again, in seconds: from the first, doubling, up to the second.
    FIRST_WAIT_SECONDS = 0.1
    LONGEST_WAIT_SECONDS = 5.0
    # Pages of a list of tools; more than any server has.
    MOST_PAGES = 1_000

    attr_reader :server_url, :timeout

    # Connects, hands the client to the block and disconnects.
    def self.open(**options)
      client = new(**options).connect
      begin
        yield client
      ensure
        client.disconnect
      end
    end

    # server_url::        where the server answers, `ws://` or `wss://`
    # timeout::           for connecting and for each call, in seconds
    # token::             sent as a bearer token; use `wss://` wherever others can listen
    # max_message_bytes:: the longest answer that is taken; a longer one ends the connection
    #
    # Raises ArgumentError if the address is no WebSocket address or a limit is not positive.
    def initialize(server_url: 'ws://localhost:8080/ws', timeout: 30, token: nil, max_message_bytes: 16 * 1024 * 1024)
      unless websocket?(server_url)
        raise ArgumentError, "server_url must begin with ws:// or wss://, not #{server_url.inspect}"
      end
      raise ArgumentError, 'token must be one line' if token&.match?(/[\r\n]/)
      raise ArgumentError, 'timeout and max_message_bytes must be positive' unless [timeout, max_message_bytes].all?(&:positive?)

      @server_url = server_url
      @timeout = timeout
      @token = token
      @max_message_bytes = max_message_bytes
      @monitor = Monitor.new
      @opened = @monitor.new_cond
      @is_opening = false
      @is_wanted = false
      @connection = nil
    end

    # Connects, once and without trying again; returns the client.
    #
    # Raises ConnectFailedError if nobody answers, the token is refused, or it is no MCP server.
    def connect
      @monitor.synchronize { @is_wanted = true }
      connected(now + @timeout, once: true) or raise ConnectFailedError, "#{@server_url} did not answer within #{@timeout} s"
      self
    rescue ConnectFailedError
      @monitor.synchronize { @is_wanted = false if @connection.nil? }
      raise
    end

    # Ends the connection. Calls that are under way fail.
    def disconnect
      connection = @monitor.synchronize do
        @is_wanted = false
        @connection.tap { @connection = nil }
      end
      connection&.close
      nil
    end

    # Calls a tool and returns its structured content, with symbols for keys. A tool that has none gives
    # `{ text:, content: }`. Arguments may be a hash or keywords; `timeout` is for this call, in seconds.
    #
    # Raises ValidationError if the arguments are not what the tool takes, ToolError if the tool says that it failed,
    # CallTimeoutError if no answer came in time and the server was told to cancel, ConnectionLostError if the connection
    # ended first and the tool may have run, ServerError if the server refuses for another reason, ConnectFailedError if
    # the connection was lost earlier and cannot be made again, and NotConnectedError if `connect` was not called.
    def execute_tool(name, arguments = nil, timeout: @timeout, **keywords)
      given = { **(arguments || {}), **keywords }
      result = request('tools/call', { name: name.to_s, arguments: given }, given, timeout)
      Results.value(result, given)
    end

    # The tools that the server has for this client, each with `:name`, `:description` and `:inputSchema`.
    def list_tools
      tools = []
      params = {}
      MOST_PAGES.times do
        page = request('tools/list', params, {}, @timeout)
        tools.concat(page[:tools] || [])
        break unless page[:nextCursor]

        params = { cursor: page[:nextCursor] }
      end
      tools
    end

    # Without the token.
    def inspect
      "#<#{self.class} #{@server_url}>"
    end

    private

    def websocket?(url)
      uri = URI.parse(url)
      %w[ws wss].include?(uri.scheme) && !uri.hostname.to_s.empty?
    rescue URI::InvalidURIError
      false
    end

    def request(method, params, given, timeout)
      deadline = now + timeout
      begin
        answer = connected(deadline)&.request(method, params, deadline)
      rescue NotSentError
        # It ended just now, and what was not sent did not run.
        retry
      end
      raise CallTimeoutError, "no answer to #{params.fetch(:name, method)} within #{timeout} s" if answer.nil?
      return answer[:result] if answer[:result].is_a?(Hash)

      raise Results.error(answer[:error], given)
    end

    # The connection; after it was lost, a new one. nil if there is none before the deadline.
    def connected(deadline, once: false)
      wait = FIRST_WAIT_SECONDS
      loop do
        begin
          connection = existing(deadline) { return nil }
          return connection || renewed(deadline)
        rescue ConnectFailedError => e
          raise if once || !e.may_pass?
        end
        # Not all clients of a server that comes back are to knock at the same moment.
        pause = wait * rand(0.5..1.0)
        return nil if now + pause >= deadline

        sleep(pause)
        wait = [wait * 2, LONGEST_WAIT_SECONDS].min
      end
    end

    # The connection there is; nil if the caller is to make one, which nobody else does meanwhile. Yields if others take
    # too long with that.
    def existing(deadline)
      @monitor.synchronize do
        loop do
          raise NotConnectedError, 'call connect first' unless @is_wanted
          return @connection if @connection&.open?
          break unless @is_opening

          left = deadline - now
          left.positive? ? @opened.wait(left) : yield
        end
        @is_opening = true
        nil
      end
    end

    def renewed(deadline)
      connection = Connection.new(@server_url, @token, @max_message_bytes, deadline)
      is_wanted = @monitor.synchronize { @is_wanted.tap { |wanted| @connection = connection if wanted } }
      return connection if is_wanted

      connection.close
      raise NotConnectedError, 'it was disconnected meanwhile'
    ensure
      @monitor.synchronize do
        @is_opening = false
        @opened.broadcast
      end
    end

    def now
      Connection.now
    end
  end
end
