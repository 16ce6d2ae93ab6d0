# frozen_string_literal: true

RSpec.describe 'Rate limits' do
  let(:push) { JSON.generate(object_kind: 'push', ref: 'refs/heads/main', project: { path_with_namespace: 'acme/shop' }) }

  it 'of a source let a burst through, refuse the rest with a time, and store nothing of it' do
    before = told(request('GET', '/api/v1/events?source=gitlab&limit=100'))['items'].size
    answers = Array.new(30) { gitlab(push) }
    codes = answers.map(&:code).tally
    expect(codes.keys).to contain_exactly('202', '429')
    # Ten at once, and one more for each second that this took.
    expect(codes['202']).to be_between(10, 20)
    refused = answers.select { |answer| answer.code == '429' }
    expect(refused.map { |answer| answer['Retry-After'].to_i }).to all(be >= 1)
    expect(refused.map { |answer| told(answer)['status'] }).to all(eq(429))
    after = told(request('GET', '/api/v1/events?source=gitlab&limit=100'))['items'].size
    expect(after - before).to eq(codes['202'])
    # Others are none the worse.
    expect(github(push).code).to eq('202')
  end

  it 'of Make are kept to, and whoever waits is served' do
    mock = URI(ENV.fetch('MOCK_URL'))
    set = request('POST', '/__mock/rate-limit', JSON.generate(requests: 5, perMs: 1000), place: mock)
    expect(set.code).to eq('200')
    client = FastMCPClient::Client.new(server_url: ENV.fetch('PILOTAGE_SOCKET'), timeout: 30).connect
    answers = Array.new(20) { Thread.new { client.execute_tool('list-scenarios', team_id: 5) } }.map(&:value)
    expect(answers).to all(include(:scenarios))
    calls = told(request('GET', '/__mock/calls', place: mock))['calls']
    listed = calls.select { |call| call['path'] == '/api/v2/scenarios' }
    # Make was not asked more often than needed to serve all of them.
    expect(listed.count { |call| call['status'] == 200 }).to be >= 20
    expect(listed.count { |call| call['status'] == 429 }).to be <= 5
  ensure
    client&.disconnect
  end
end
