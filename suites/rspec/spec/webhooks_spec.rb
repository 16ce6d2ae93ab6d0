# frozen_string_literal: true

RSpec.describe 'Webhooks' do
  let(:push) do
    JSON.generate(ref: 'refs/heads/main', after: SecureRandom.hex(20), repository: { full_name: 'acme/shop' })
  end

  def event(answer)
    told(request('GET', "/api/v1/events/#{told(answer)['eventId']}"))
  end

  it 'are stored before they are answered, as they were sent' do
    answer = github(push)
    expect(answer.code).to eq('202')
    expect(told(answer)).to include('received' => true)
    expect(event(answer)).to include('source' => 'github', 'type' => 'push', 'verified' => true)
    expect(event(answer)['data']).to include(JSON.parse(push))
  end

  it 'are stored once, however often they are delivered' do
    id = SecureRandom.uuid
    first = github(push, id: id)
    again = Array.new(5) { github(push, id: id) }
    expect(again.map(&:code)).to all(eq('200'))
    expect(again.map { |answer| told(answer) })
      .to all(include('eventId' => told(first)['eventId'], 'duplicate' => true))
  end

  it 'of one delivery that arrive at once become one event' do
    id = SecureRandom.uuid
    answers = Array.new(10) { Thread.new { github(push, id: id) } }.map(&:value)
    expect(answers.map { |answer| told(answer)['eventId'] }.uniq.size).to eq(1)
    expect(answers.map(&:code).tally).to eq('202' => 1, '200' => 9)
  end

  it 'are refused with a wrong signature, and leave nothing behind' do
    id = SecureRandom.uuid
    expect(github(push, id: id, secret: 'another').code).to eq('401')
    unsigned = request('POST', '/webhooks/github', push, { 'X-GitHub-Event' => 'push', 'X-GitHub-Delivery' => id })
    expect(unsigned.code).to eq('401')
    # Had it been stored, this would be a repetition.
    expect(github(push, id: id).code).to eq('202')
  end

  it 'are refused when they are no JSON, too long, or from nobody that is known' do
    expect(github('{').code).to eq('400')
    expect(github(JSON.generate(long: 'x' * 200_000)).code).to eq('413')
    expect(request('POST', '/webhooks/gitea', push).code).to eq('404')
    expect(request('GET', '/webhooks/github').code).to eq('405')
  end

  it 'are delivered 50 at once, each once' do
    answers = Array.new(50) do |number|
      Thread.new { github(JSON.generate(number: number, repository: { full_name: 'acme/many' })) }
    end.map(&:value)
    expect(answers.map(&:code)).to all(eq('202'))
    expect(answers.map { |answer| told(answer)['eventId'] }.uniq.size).to eq(50)
  end

  it 'set off what a rule says, which is repeated until it arrives' do
    target = "#{ENV.fetch('PILOTAGE_SERVICE_LISTENER_URL')}/deploys"
    rule = { name: 'Tell of releases', trigger: { source: 'github', eventTypes: ['release'] },
             actions: [{ type: 'webhook', target: target,
                         parameters: { body: { tag: '${event.data.release.tag_name}' } },
                         retryPolicy: { maxAttempts: 5, initialDelay: 10, backoffMultiplier: 1, maxDelay: 50 } }] }
    put = request('PUT', '/api/v1/rules/tell-of-releases', JSON.generate(rule))
    expect(put.code).to match(/\A20[01]\z/), put.body
    answer = github(JSON.generate(action: 'published', release: { tag_name: 'v7' }), event: 'release')
    expect(answer.code).to eq('202')
    arrivals = wait_for('three arrivals') do
      record = ENV.fetch('LISTENER_RECORD')
      lines = File.exist?(record) ? File.readlines(record) : []
      lines.select { |line| line.include?('/deploys') }.then { |lines| lines if lines.size >= 3 }
    end
    # The listener refuses the first two.
    expect(arrivals.size).to eq(3)
    expect(arrivals).to all(include('v7'))
    executions = told(request('GET', '/api/v1/executions'))['items']
    expect(executions.count { |one| one.to_s.include?('tell-of-releases') }).to eq(1)
  end
end
