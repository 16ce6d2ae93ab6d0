# frozen_string_literal: true

require_relative 'errors'

module FastMCPClient
  # From the answer to a `tools/call` to what the caller gets.
  module Results
    INVALID_PARAMS = -32_602

    NAME = /["'`]?([A-Za-z_][\w.-]*)["'`]?/
    # How servers name an argument that is missing: their own words, JSON Schema validators, serde, zod and pydantic.
    MISSING = [
      /#{NAME}:? is (?:a )?required\b/i,
      /\bmissing (?:required )?(?:field|argument|parameter|property):? #{NAME}/i,
      /#{NAME}:?\s+field required\b/i
    ].freeze
    # How they begin when other arguments are wrong.
    INVALID = /
      \b(?:the\ arguments\ do\ not\ hold|takes\ no\ argument|argument\ `\w+`\ was\ given\ twice
      |(?:input|argument|schema)\ validation\ (?:error|failed)|invalid\ (?:arguments?|params?|parameters?|input)\b)
    /xi

    module_function

    # The structured content of a result, or its text where there is none.
    #
    # Raises ToolError if the result says that the tool failed.
    def value(result, arguments)
      parts = result[:content].is_a?(Array) ? result[:content] : []
      text = texts(parts).join("\n")
      raise failure(text, arguments, result) if result[:isError]

      structured = result[:structuredContent]
      structured.is_a?(Hash) ? structured : { text: text, content: parts }
    end

    # The exception for an error of JSON-RPC.
    def error(error, arguments)
      fields = error.is_a?(Hash) ? error : {}
      message = fields[:message].is_a?(String) ? fields[:message] : 'the server refused the request without saying why'
      code = fields[:code].is_a?(Integer) ? fields[:code] : 0
      return ServerError.new(message, code: code, data: fields[:data]) unless code == INVALID_PARAMS

      field = missing(message, arguments)
      ValidationError.new(required(field, message), field: field)
    end

    def texts(parts)
      of_text = parts.select { |part| part.is_a?(Hash) && part[:type] == 'text' }
      of_text.map { |part| part[:text] }.grep(String)
    end

    def failure(text, arguments, result)
      field = missing(text, arguments)
      return ValidationError.new(required(field, text), field: field, result: result) if field || INVALID.match?(text)

      ToolError.new(text.empty? ? 'the tool failed without saying why' : text, result: result)
    end

    # The argument that the text says is missing; one that was given, and is not empty, is not.
    def missing(text, arguments)
      given = arguments.reject { |_, value| [nil, ''].include?(value) }.keys.map { |name| folded(name) }
      found = MISSING.filter_map { |pattern| pattern.match(text)&.captures&.first }
      found.find { |name| !given.include?(folded(name)) }
    end

    def folded(name)
      name.to_s.delete('_').downcase
    end

    # The text with the missing argument named in the same words by every server.
    def required(field, text)
      return text if field.nil? || text.include?("#{field} is required")

      "#{field} is required (#{text})"
    end
  end
end
