# frozen_string_literal: true

require 'openssl'
require 'socket'
require 'uri'

require_relative 'errors'

module FastMCPClient
  # The socket below a connection: TCP or TLS, with an end to every wait.
  class Wire
    # What the WebSocket driver asks for.
    attr_reader :url

    # How long the other end may take to read what it is sent, in seconds.
    WRITE_SECONDS = 10
    CHUNK_BYTES = 64 * 1024
    PORTS = { 'ws' => 80, 'wss' => 443 }.freeze

    # Raises SystemCallError, SocketError or OpenSSL::SSL::SSLError if nobody answers.
    def initialize(url, deadline)
      @url = url
      @has_begun = false
      uri = URI.parse(url)
      # With its address in brackets an IPv6 host is in URLs only.
      host = uri.hostname
      left = [deadline - now, 0.001].max
      @socket = Socket.tcp(host, uri.port || PORTS.fetch(uri.scheme), resolv_timeout: left, connect_timeout: left)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      return unless uri.scheme == 'wss'

      begin
        @socket = secured(host, deadline)
      rescue StandardError
        @socket.close
        raise
      end
    end

    # Called by the driver, with a whole frame.
    def write(data)
      deadline = now + WRITE_SECONDS
      @has_begun = false
      until data.empty?
        case (written = @socket.write_nonblock(data, exception: false))
        when :wait_writable then wait(:wait_writable, deadline)
        when :wait_readable then wait(:wait_readable, deadline)
        else
          @has_begun = true
          data = data.byteslice(written..)
        end
      end
    end

    # Whether a byte of the last frame has left.
    def begun?
      @has_begun
    end

    # The next bytes; nil at the end, and :nothing if none came within so many seconds.
    def read(seconds)
      deadline = now + seconds
      loop do
        read = @socket.read_nonblock(CHUNK_BYTES, exception: false)
        return read unless %i[wait_readable wait_writable].include?(read)
        return :nothing unless io.public_send(read, [deadline - now, 0].max)
      end
    end

    def close
      @socket.close
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError
      # It is gone, which is what was asked for.
    end

    # Ends every wait on the socket, from another thread.
    def shutdown
      io.shutdown
    rescue SystemCallError, IOError
      # It is gone already.
    end

    private

    def secured(host, deadline)
      context = OpenSSL::SSL::SSLContext.new
      # Verifies the certificate against the system's authorities.
      context.set_params
      socket = OpenSSL::SSL::SSLSocket.new(@socket, context)
      socket.sync_close = true
      socket.hostname = host
      shake_hands(socket, deadline)
      socket.post_connection_check(host)
      socket
    end

    def shake_hands(socket, deadline)
      loop do
        state = socket.connect_nonblock(exception: false)
        return unless %i[wait_readable wait_writable].include?(state)

        wait(state, deadline)
      end
    end

    def wait(state, deadline)
      return if io.public_send(state, [deadline - now, 0].max)

      raise Errno::ETIMEDOUT
    end

    def io
      @socket.to_io
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
