# frozen_string_literal: true

# Tells Pilotage what RSpec does, one line of JSON for each event, as it happens. It works with RSpec 3 and needs nothing
# besides. What the lines mean stands in `transcript.rs` of pilotage-core.

require "json"
require "rspec/core"

module Pilotage
  MODE = ENV.fetch("PILOTAGE_TEST_MODE")
  COVERAGE = ENV.fetch("PILOTAGE_TEST_COVERAGE", nil)
  MOST_LETTERS = 12_000
  @report = File.open(ENV.fetch("PILOTAGE_TEST_REPORT"), "w:UTF-8")
  @seconds = Hash.new(0.0)

  class << self
    attr_reader :seconds
    attr_accessor :loading

    def tell(event, **fields)
      @report.write(JSON.generate({ event: event, **fields.transform_values { |value| clean(value) } }) << "\n")
      @report.flush
    end

    def clean(value)
      return value unless value.is_a?(String)

      value = value.encode("UTF-8", invalid: :replace, undef: :replace).scrub
      value.length > MOST_LETTERS ? "#{value[0, MOST_LETTERS / 2]}\n[…]\n#{value[-MOST_LETTERS / 2..]}" : value
    end

    # Ruby counts from here on, whatever is read later. Without branches and methods on implementations that have none.
    def measure
      require "coverage"
      Coverage.start(lines: true, branches: true, methods: true) unless Coverage.running?
    rescue LoadError, ArgumentError, RuntimeError => e
      warn("what tests reach is not measured: #{e.message}")
    end

    # As SimpleCov writes its results; what stands outside of the suite, and the specs themselves, is left out.
    def keep_coverage
      return unless COVERAGE && defined?(Coverage) && Coverage.running?

      own = "#{Dir.pwd}/"
      reached = Coverage.peek_result.select { |path, _| path.start_with?(own) && !path.start_with?("#{own}spec/", "#{own}vendor/") }
      suite = { "RSpec" => { coverage: reached, timestamp: Time.now.to_i } }
      File.write(File.join(COVERAGE, ".resultset.json"), JSON.generate(suite))
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    # From the folder that RSpec was started in.
    def relative(path)
      path.delete_prefix("#{Dir.pwd}/").delete_prefix("./")
    end

    # An example of a shared group is told by the file that uses it: only its id says which that is.
    def file_of(example)
      relative(example.id[/\A(.*)\[[^\[]*\]\z/m, 1])
    end
  end

  module Loading
    def load_file_handling_errors(method, file)
      return super unless method == :load

      Pilotage.loading = Pilotage.relative(file)
      Pilotage.tell("file", file: Pilotage.loading, tests: nil)
      begun = Pilotage.now
      super
    ensure
      if method == :load
        Pilotage.seconds[Pilotage.loading] += Pilotage.now - begun
        # It is read, so it is not what RSpec is at any more.
        Pilotage.tell("found", file: Pilotage.loading)
        Pilotage.loading = nil
      end
    end

    def load_spec_files
      return super unless MODE == "list"

      files_to_run.uniq.each { |file| Pilotage.tell("found", file: Pilotage.relative(file)) }
      Pilotage.tell("end")
      exit!(0)
    end
  end

  module Complaining
    def notify_non_example_exception(exception, context)
      message = "#{context}\n#{exception.class}: #{exception.message}\n#{(exception.backtrace || []).first(10).join("\n")}"
      Pilotage.tell("error", file: Pilotage.loading, message: message)
      super
    end
  end

  class Reporter
    RSpec::Core::Formatters.register self, :start, :example_started, :example_passed, :example_failed, :example_pending, :stop

    def initialize(_output)
      @left = Hash.new(0)
      @last = Pilotage.now
    end

    def start(_notification)
      # A file that cannot be read makes RSpec run nothing at all, and then nothing is announced.
      return if RSpec.world.wants_to_quit

      examples = RSpec.world.example_groups.flat_map { |group| group.descendants.flat_map(&:filtered_examples) }
      ids = examples.group_by { |example| Pilotage.file_of(example) }
      (Pilotage.seconds.keys | ids.keys).each do |file|
        own = ids.fetch(file, [])
        Pilotage.tell("file", file: file, tests: own.size, ids: MODE == "tests" ? own.map(&:id) : [])
        @left[file] = own.size
        Pilotage.tell("done", file: file, seconds: Pilotage.seconds[file]) if own.empty?
      end
      @last = Pilotage.now
    end

    def example_started(notification)
      example = notification.example
      Pilotage.tell("start", file: Pilotage.file_of(example), id: example.id)
    end

    def example_passed(notification)
      ended(notification.example, "passed", "")
    end

    def example_failed(notification)
      ended(notification.example, "failed", notification.fully_formatted(0).to_s)
    end

    def example_pending(notification)
      ended(notification.example, "skipped", notification.example.execution_result.pending_message.to_s)
    end

    def stop(_notification)
      Pilotage.keep_coverage
      Pilotage.tell("end")
    end

    private

    def ended(example, outcome, message)
      file = Pilotage.file_of(example)
      # With the hooks around it, which belong to no example.
      Pilotage.seconds[file] += Pilotage.now - @last
      @last = Pilotage.now
      seconds = example.execution_result.run_time.to_f
      Pilotage.tell("test", file: file, id: example.id, name: example.full_description, outcome: outcome,
                            seconds: seconds, message: message)
      @left[file] -= 1
      Pilotage.tell("done", file: file, seconds: Pilotage.seconds[file]) if @left[file].zero?
    end
  end

  LIMIT = ENV["PILOTAGE_TEST_TIMEOUT"].to_f
  if LIMIT.positive?
    require "timeout"
    RSpec.configure do |config|
      config.around { |example| Timeout.timeout(LIMIT, nil, format("the test took longer than %g s", LIMIT)) { example.run } }
    end
  end
  RSpec::Core::Configuration.prepend(Loading)
  RSpec::Core::Reporter.prepend(Complaining)
  measure if COVERAGE
  tell("begin", run: ENV.fetch("PILOTAGE_TEST_RUN"))
end
