# frozen_string_literal: true

require_relative 'fake'

# What the client does when the server, or the way to it, does not do what it should.
RSpec.describe FastMCPClient::Client do
  let(:fake) { Fake.new }
  let(:client) { described_class.new(server_url: fake.url, timeout: 30, max_message_bytes: 1 << 20).connect }

  after do
    client.disconnect
  rescue FastMCPClient::ConnectFailedError
    nil
  ensure
    fake.stop
  end

  it 'gives the structured content with symbols for keys' do
    expect(client.execute_tool('echo', { 'a' => 1, b: { 'c' => [nil, 'ä'] } })).to eq(a: 1, b: { c: [nil, 'ä'] })
    expect(client.execute_tool('echo', a: 1)).to eq(a: 1)
    methods = fake.received.map { |message| message['method'] }
    expect(methods.first(3)).to eq(%w[initialize notifications/initialized tools/call])
    expect(fake.connections.first.env['HTTP_SEC_WEBSOCKET_PROTOCOL']).to eq('mcp')
  end

  it 'gives the text of a tool without structured content' do
    value = client.execute_tool('text')
    expect(value[:text]).to eq("one\ntwo")
    expect(value[:content].length).to eq(3)
  end

  it 'serves many threads over one connection, each with its own answer' do
    client
    calls = (0...50).map { |number| { number: number, of: 50 } }
    threads = calls.map { |call| Thread.new { client.execute_tool('later', call) } }
    expect(threads.map(&:value)).to eq(calls)
    expect(fake.connections.length).to eq(1)
  end

  it 'lists tools over all pages' do
    expect(client.list_tools.map { |tool| tool[:name] }).to eq(%w[first second])
  end

  [
    [{}, 'name is required', 'name', 'name is required'],
    [{}, 'the arguments do not hold: "name" is a required property. Correct them.', 'name', 'name is required ('],
    [{}, '`team_id` is required', 'team_id', 'team_id is required'],
    [{}, 'missing field `name` at line 1', 'name', 'name is required ('],
    [{}, "name\n  Field required [type=missing]", 'name', 'name is required ('],
    [{ name: nil }, 'name is required', 'name', 'name is required'],
    [{ name: '' }, 'name is required and must not be empty', 'name', 'name is required and must not be empty'],
    [{ a: 1 }, 'this tool takes no argument `a`. Did you mean `b`?', nil, 'this tool takes no argument `a`'],
    [{ a: 1 }, "Input validation error: 1 is not of type 'string'", nil, 'Input validation error']
  ].each do |given, text, field, message|
    it "raises ValidationError for #{text.inspect} given #{given}" do
      expect { client.execute_tool('fail', text: text, **given) }.to raise_error(FastMCPClient::ValidationError) { |error|
        expect(error.field).to eq(field)
        expect(error.message).to start_with(message)
      }
    end
  end

  ['The scenario is broken', 'name is required', ''].each do |text|
    it "raises ToolError for #{text.inspect} where the name was given" do
      expect { client.execute_tool('fail', name: 'x', text: text) }.to raise_error(FastMCPClient::ToolError) { |error|
        expect(error).not_to be_a(FastMCPClient::ValidationError)
        expect(error.message).to eq(text.empty? ? 'the tool failed without saying why' : text)
        expect(error.result[:isError]).to be(true)
      }
    end
  end

  it 'keeps the code of an error of the protocol' do
    expect { client.execute_tool('error', code: -32_601, message: 'no such method', data: 7) }
      .to raise_error(FastMCPClient::ServerError, 'no such method') { |error|
        expect([error.code, error.data]).to eq([-32_601, 7])
      }
    expect { client.execute_tool('error', code: -32_602, message: 'there is no tool `error` here') }
      .to raise_error(FastMCPClient::ValidationError, /\Athere is no tool/)
    expect { client.execute_tool('error', {}) }.to raise_error(FastMCPClient::ServerError, /without saying why/)
  end

  it 'cancels at the server what takes too long' do
    expect { client.execute_tool('never', timeout: 0.05) }
      .to raise_error(FastMCPClient::CallTimeoutError, 'no answer to never within 0.05 s')
    cancelled = fake.until_received('notifications/cancelled')
    expect(cancelled['params']['requestId']).to eq(fake.until_received('tools/call')['id'])
    expect(client.execute_tool('echo', a: 1)).to eq(a: 1)
  end

  it 'cancels at the server when the caller is interrupted' do
    client
    call = Thread.new { client.execute_tool('never') }
    call.report_on_exception = false
    fake.until_received('tools/call')
    call.raise(Interrupt)
    expect { call.join }.to raise_error(Interrupt)
    fake.until_received('notifications/cancelled')
  end

  it 'answers what the server asks' do
    expect(client.execute_tool('ask')).to eq(done: true)
    client.execute_tool('echo')
    answers = fake.received.reject { |message| message.key?('method') }.to_h { |message| [message['id'], message] }
    expect(answers['p']['result']).to eq({})
    expect(answers['e']['error']['code']).to eq(-32_601)
  end

  [
    ['drop', {}, /lost/],
    ['raw', { frame: 'no JSON' }, /no message of JSON-RPC/],
    ['raw', { frame: '[1]' }, /no message of JSON-RPC/],
    ['raw', { frame: '[' * 200_000 }, /no message of JSON-RPC/],
    ['raw', { frame: '{"jsonrpc":"1.0","id":1}' }, /no message of JSON-RPC/],
    ['binary', {}, /binary frame/],
    ['bytes', {}, /lost/],
    ['huge', { bytes: 1 << 20 }, /lost/]
  ].each do |tool, given, reason|
    it "fails what is under way and connects again after #{tool} #{given.to_s[0, 40]}" do
      client
      other = Thread.new { client.execute_tool('never') }
      other.report_on_exception = false
      fake.until_received('tools/call')
      expect { client.execute_tool(tool, given) }.to raise_error(FastMCPClient::ConnectionLostError, reason)
      expect { other.join }.to raise_error(FastMCPClient::ConnectionLostError)
      expect(client.execute_tool('echo', a: 1)).to eq(a: 1)
      expect(fake.connections.length).to eq(2)
      calls = fake.received.select { |message| message['method'] == 'tools/call' }
      # Nothing was sent twice.
      expect(calls.map { |message| message['params']['name'] }).to eq(['never', tool, 'echo'])
    end
  end

  it 'waits for a server that comes back' do
    expect(client.execute_tool('echo', a: 1)).to eq(a: 1)
    fake.stop
    expect { client.execute_tool('echo', timeout: 0.2) }.to raise_error(FastMCPClient::CallTimeoutError)
    calls = (0...5).map { |number| Thread.new { client.execute_tool('echo', a: number) } }
    again = Fake.new(fake.port)
    expect(calls.map { |call| call.value[:a] }).to eq([0, 1, 2, 3, 4])
    expect(again.connections.length).to eq(1)
  ensure
    client.disconnect
    again&.stop
  end

  it 'does not try a refusal again that does not pass' do
    expect { client.execute_tool('drop') }.to raise_error(FastMCPClient::ConnectionLostError)
    fake.refuse_with = 401
    expect { client.execute_tool('echo') }.to raise_error(FastMCPClient::ConnectFailedError, /valid token/)
    expect(fake.connections.length).to eq(2)
  end

  it 'says why it cannot connect' do
    hasty = described_class.new(server_url: fake.url, timeout: 0.2, token: 'sesame')
    fake.silent = true
    expect { hasty.connect }.to raise_error(FastMCPClient::ConnectFailedError, /did not answer/)
    expect(fake.connections.first.env['HTTP_AUTHORIZATION']).to eq('Bearer sesame')
    fake.silent = false
    fake.revision = '1999-01-01'
    expect { client }.to raise_error(FastMCPClient::ConnectFailedError, /speaks MCP 1999-01-01/)
    fake.refuse_with = 404
    expect { hasty.connect }.to raise_error(FastMCPClient::ConnectFailedError, /answers 404/) { |error|
      expect(error.may_pass?).to be(false)
    }
    nobody = described_class.new(server_url: 'ws://127.0.0.1:1/ws', timeout: 5)
    expect { nobody.connect }.to raise_error(FastMCPClient::ConnectFailedError, /cannot connect/) { |error|
      expect(error.may_pass?).to be(true)
    }
    expect(hasty.inspect).not_to include('sesame')
  end

  it 'calls nothing before connect and after disconnect' do
    fresh = described_class.new(server_url: fake.url)
    expect { fresh.execute_tool('echo') }.to raise_error(FastMCPClient::NotConnectedError)
    fresh.connect
    fresh.connect
    expect(fake.connections.length).to eq(1)
    under_way = Thread.new { fresh.execute_tool('never') }
    under_way.report_on_exception = false
    fake.until_received('tools/call')
    fresh.disconnect
    fresh.disconnect
    expect { under_way.join }.to raise_error(FastMCPClient::ConnectionLostError, /disconnected/)
    expect { fresh.execute_tool('echo') }.to raise_error(FastMCPClient::NotConnectedError)
    described_class.open(server_url: fake.url) { |open| expect(open.execute_tool('echo', a: 1)).to eq(a: 1) }
  end

  it 'takes what cannot be sent for a mistake of the caller' do
    expect { client.execute_tool('echo', a: Float::NAN) }.to raise_error(JSON::GeneratorError)
    expect(client.execute_tool('echo', a: 1)).to eq(a: 1)
    expect(fake.received.map { |message| message['method'] }).not_to include('notifications/cancelled')
  end

  [{ server_url: 'http://localhost' }, { server_url: 'ws://' }, { server_url: 'no url' }, { timeout: 0 },
   { max_message_bytes: -1 }, { token: "a\r\nb" }].each do |options|
    it "refuses #{options}" do
      expect { described_class.new(**options) }.to raise_error(ArgumentError)
    end
  end
end
