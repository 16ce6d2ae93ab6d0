# frozen_string_literal: true

# What can go wrong; each class is something else that a caller can do about it.
module FastMCPClient
  # The base of all errors of this client.
  class Error < StandardError; end

  # `connect` was not called, or `disconnect` was.
  class NotConnectedError < Error; end

  # No connection could be made. Nothing was called.
  class ConnectFailedError < Error
    def initialize(message, may_pass: true)
      super(message)
      @may_pass = may_pass
    end

    # Whether trying again later can help: not for a refused token or a wrong address.
    def may_pass?
      @may_pass
    end
  end

  # The connection ended while the call was under way. The tool may have run or not. The call is not repeated: look at the
  # state first if the tool changes something.
  class ConnectionLostError < Error; end

  # The connection had ended before a byte of the request left; another one can take it.
  class NotSentError < ConnectionLostError; end
  private_constant :NotSentError

  # No answer came in time. The server was asked to cancel the call, which it may have finished nevertheless.
  class CallTimeoutError < Error; end

  # The server refused the request with an error of JSON-RPC.
  class ServerError < Error
    # Such as -32601.
    attr_reader :code
    # What the server says beside it.
    attr_reader :data

    def initialize(message, code: 0, data: nil)
      super(message)
      @code = code
      @data = data
    end
  end

  # The tool ran and says that it failed; the text is the tool's own.
  class ToolError < Error
    # The whole result of `tools/call`, where there is one.
    attr_reader :result

    def initialize(message, result: nil)
      super(message)
      @result = result
    end
  end

  # The arguments are not what the tool takes, for example "name is required". Nothing was done.
  class ValidationError < ToolError
    # The argument in question, where the server names one.
    attr_reader :field

    def initialize(message, field: nil, result: nil)
      super(message, result: result)
      @field = field
    end
  end
end
