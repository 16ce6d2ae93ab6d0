# frozen_string_literal: true

require 'json'
require 'open3'
require 'socket'
require 'tmpdir'

# A command of Pilotage that runs until it is killed, and the first line it says that has this key.
class PilotageProcess
  attr_reader :said

  def initialize(arguments, key, environment = {})
    options = { out: (output = IO.pipe)[1], unsetenv_others: true }
    @pid = Process.spawn(environment, ENV.fetch('PILOTAGE_BIN'), *arguments, '--format', 'json', **options)
    output[1].close
    @lines = output[0]
    @said = @lines.each_line.lazy.map { |line| JSON.parse(line) }.find { |line| line.key?(key) }
    # Whatever it says afterwards must be taken from it, or it would wait for a reader.
    @rest = Thread.new { @lines.each_line { nil } }
  end

  # Ends it without a word, as a crash does.
  def kill
    return unless @pid

    Process.kill(:KILL, @pid)
    Process.wait(@pid)
    @pid = nil
    @rest.join
    @lines.close
  end
end

# The client against Pilotage itself, with the mock of Make behind it; `PILOTAGE_BIN` names the binary.
RSpec.describe FastMCPClient::Client, if: ENV.key?('PILOTAGE_BIN') do
  # The team of the mock's built-in seed.
  let(:team) { 5 }
  let(:client) { described_class.new(server_url: "ws://127.0.0.1:#{@port}/ws", timeout: 30).connect }

  def start
    arguments = ['up', '--listen', "127.0.0.1:#{@port}", '--health-listen', '127.0.0.1:0', '--data-dir', "#{@folder}/state"]
    make = { 'MAKE_API_ENDPOINT' => "#{@make.said['url']}/api/v2", 'MAKE_API_TOKEN' => @make.said['token'] }
    # An example has copies of the variables, and what it starts is to end with all of them.
    @running << PilotageProcess.new(arguments, 'listening', make)
  end

  before(:all) do
    @port = TCPServer.open('127.0.0.1', 0) { |taken| taken.addr[1] }
    @folder = Dir.mktmpdir
    @make = PilotageProcess.new(%w[mock make], 'token')
    @running = [@make]
    start
  end

  after(:all) do
    @running.reverse_each(&:kill)
    FileUtils.rm_r(@folder)
  end

  after { client.disconnect }

  it 'creates, lists and runs scenarios' do
    created = client.execute_tool('create-scenario', name: 'Orders of Ada', teamId: team)
    expect(created[:success]).to be(true)
    again = client.execute_tool('create-scenario', { 'name' => 'Orders of Bob', 'team_id' => team })
    expect(again[:scenario_id]).not_to eq(created[:scenario_id])
    listed = client.execute_tool('list-scenarios', team_id: team).to_s
    expect(listed).to include('Orders of Ada').and include('Orders of Bob')
    expect(client.execute_tool('run-scenario', scenario_id: 925, data: { name: 'Ada' })).not_to be_empty
  end

  it 'names a missing argument' do
    expect { client.execute_tool('create-scenario', teamId: team) }
      .to raise_error(FastMCPClient::ValidationError, /name is required/) { |error| expect(error.field).to eq('name') }
    expect { client.execute_tool('get-scenario', scenario_id: 999_999) }
      .to raise_error(FastMCPClient::ToolError) { |error| expect(error).not_to be_a(FastMCPClient::ValidationError) }
  end

  { 'data_processing' => %w[webhook transformer database], 'notification' => %w[webhook filter slack],
    'analytics' => %w[webhook aggregator dashboard] }.each do |template, modules|
    it "makes a scenario of the template #{template}" do
      given = { template_type: template, name: "From #{template}", team_id: team }
      made = client.execute_tool('create-scenario-from-template', given)
      expect(made[:scenario_config][:modules].map { |part| part[:type] }).to eq(modules)
    end
  end

  it 'serves 25 threads at once' do
    client
    answers = (0...25).map { Thread.new { client.execute_tool('list-scenarios', team_id: team) } }.map(&:value)
    expect(answers).to all(eq(answers.first))
  end

  it 'runs different tools side by side' do
    client
    calls = { 'list-templates' => { category: 'notification' }, 'get-team-info' => { team_id: team },
              'get-usage-stats' => { team_id: team, period: 'month' }, 'list-connections' => { team_id: team } }
    answers = calls.map { |tool, given| Thread.new { client.execute_tool(tool, given) } }.map(&:value)
    expect(answers).to all(be_a(Hash))
  end

  it 'fails what is under way in a crash, and serves the next after the restart' do
    client
    under_way = (0...20).map do
      Thread.new do
        client.execute_tool('list-scenarios', team_id: team)
      rescue FastMCPClient::ConnectionLostError => e
        e
      end
    end
    @running.last.kill
    waiting = Thread.new do
      client.execute_tool('get-team-info', team_id: team)
    rescue FastMCPClient::ConnectionLostError
      # Sent before the end of the connection was noticed; a caller may repeat what only reads.
      retry
    end
    start
    # One that had not begun when the server went away waits for the next.
    expect(under_way.map(&:value)).to all(be_a(Hash).or(be_a(FastMCPClient::ConnectionLostError)))
    expect(waiting.value).not_to be_empty
  end
end
