# frozen_string_literal: true

require 'json'
require 'monitor'
require 'socket'
require 'websocket/driver'

# A small MCP server that misbehaves on demand; how a real one behaves is in `server_spec.rb`.
class Fake
  attr_reader :port, :connections
  attr_accessor :revision, :silent, :refuse_with

  def initialize(port = 0)
    @listener = TCPServer.new('127.0.0.1', port)
    @port = @listener.addr[1]
    @monitor = Monitor.new
    @changed = @monitor.new_cond
    @received = []
    @connections = []
    @revision = '2025-11-25'
    @acceptor = Thread.new { loop { accept(@listener.accept) } }
    @acceptor.report_on_exception = false
  end

  def url
    "ws://127.0.0.1:#{@port}/ws"
  end

  def stop
    @acceptor.kill.join
    @listener.close
    @connections.compact.each(&:drop)
  end

  def received
    @monitor.synchronize { @received.dup }
  end

  # The first message of this method, as soon as it is there.
  def until_received(method)
    @monitor.synchronize do
      loop do
        found = @received.find { |message| message['method'] == method }
        return found if found

        @changed.wait(DEADLINE_SECONDS)
      end
    end
  end

  def note(message)
    @monitor.synchronize do
      @received << message
      @changed.broadcast
    end
  end

  def accept(socket)
    if @refuse_with
      @connections << nil
      socket.readpartial(4_096)
      socket.write("HTTP/1.1 #{@refuse_with} No\r\ncontent-length: 0\r\n\r\n")
      return socket.close
    end
    @connections << Conversation.new(self, socket)
  end

  # One connection.
  class Conversation
    def initialize(fake, socket)
      @fake = fake
      @socket = socket
      @monitor = Monitor.new
      @driver = WebSocket::Driver.server(self, protocols: ['mcp'])
      @driver.on(:connect) { @driver.start }
      @driver.on(:message) { |event| take(event.data) }
      @driver.on(:close) { drop }
      Thread.new { read }
    end

    def write(data)
      @socket.write(data)
    end

    def env
      @driver.env
    end

    # Without a word.
    def drop
      @socket.setsockopt(Socket::Option.linger(true, 0))
      @socket.close
    rescue SystemCallError, IOError
      nil
    end

    private

    def read
      loop do
        read = @socket.readpartial(65_536)
        @monitor.synchronize { @driver.parse(read) }
      end
    rescue SystemCallError, IOError
      nil
    end

    def take(frame)
      message = JSON.parse(frame)
      @fake.note(message)
      case message['method']
      when 'initialize' then greet(message)
      when 'tools/list' then list(message)
      # A call that is slow keeps no other waiting.
      when 'tools/call' then Thread.new { call(message, message['params']['arguments']) }
      end
    end

    def greet(message)
      return if @fake.silent

      info = { name: 'fake', version: '0' }
      answer(message, result: { protocolVersion: @fake.revision, capabilities: {}, serverInfo: info })
    end

    def list(message)
      if message['params']['cursor'] == 'more'
        answer(message, result: { tools: [{ name: 'second' }] })
      else
        answer(message, result: { tools: [{ name: 'first' }], nextCursor: 'more' })
      end
    end

    def call(message, given)
      case message['params']['name']
      when 'echo' then answer(message, result: { content: [], structuredContent: given })
      when 'later'
        # The answers come in the reverse order of the calls.
        sleep((given['of'] - given['number']) / 1000.0)
        answer(message, result: { content: [], structuredContent: given })
      when 'text'
        parts = [{ type: 'text', text: 'one' }, { type: 'image' }, { type: 'text', text: 'two' }]
        answer(message, result: { content: parts })
      when 'fail' then answer(message, result: { isError: true, content: [{ type: 'text', text: given['text'] }] })
      when 'error' then answer(message, error: given)
      when 'raw' then text(given['frame'])
      when 'binary' then @monitor.synchronize { @driver.binary([0]) }
      when 'huge' then answer(message, result: { structuredContent: { text: 'x' * given['bytes'] } })
      when 'drop' then drop
      when 'bytes' then @socket.write("\xff" * 100)
      when 'ask' then ask(message)
      end
    rescue SystemCallError, IOError
      nil
    end

    def ask(message)
      text(JSON.generate(jsonrpc: '2.0', id: 'p', method: 'ping'))
      text(JSON.generate(jsonrpc: '2.0', id: 'e', method: 'elicitation/create'))
      text(JSON.generate(jsonrpc: '2.0', method: 'notifications/message', params: {}))
      answer({ 'id' => 9_999 }, result: {})
      answer(message, result: { structuredContent: { done: true } })
    end

    def answer(message, **answer)
      text(JSON.generate({ jsonrpc: '2.0', id: message['id'], **answer }))
    end

    def text(text)
      @monitor.synchronize { @driver.text(text) }
    end
  end
end
