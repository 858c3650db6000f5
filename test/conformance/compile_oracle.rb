# The real Puppet as a batch compiler, for the conformance tests: one JSON case per line on stdin, one result per line
# on stdout. A case: {"id", "env" (directory of an environment), "node", "facts", "classes", "parameters"}.
# A result: {"id", "catalog"} or {"id", "error": {"message", "file", "line"}}, and "logs": [{"level", "message"}].
require 'json'
require 'tmpdir'
require 'fileutils'
require 'puppet'
require 'puppet/parser/compiler'

answers = STDOUT.dup
answers.sync = true
STDOUT.reopen(STDERR)

home = Dir.mktmpdir('conformance')
at_exit { FileUtils.rm_rf(home) }
dirs = %w[confdir vardir codedir logdir rundir ssldir].flat_map { |d| ["--#{d}", "#{home}/#{d}"] }
Puppet.initialize_settings(dirs)
Puppet[:storeconfigs] = false
Puppet[:strict] = :error
Puppet[:strict_variables] = true
Puppet[:certname] = 'server.conformance.test'
Puppet.push_context(Puppet.base_context(Puppet.settings), 'conformance')
Puppet::Node.indirection.terminus_class = :plain
Puppet::Node::Facts.indirection.terminus_class = :memory
Puppet::Util::Log.level = :info

# One environment in one directory, with its own environment.conf.
class SingleEnvironment < Puppet::Environments::Static
  def initialize(environment, conf)
    super(environment)
    @conf = conf
  end

  def get_conf(_name)
    @conf
  end
end

# Keeps the messages of one compilation. Puppet chooses log destinations by this class name.
module Puppet
  module Test
    class LogCollector
      attr_reader :list

      def initialize
        @list = []
      end

      def <<(message)
        @list << message
      end
    end
  end
end

def compile(input)
  conf = Puppet::Settings::EnvironmentConf.load_from(input['env'], ['/usr/share/puppet/modules'])
  environment = Puppet::Node::Environment.create(:production, conf.modulepath.split(':'), conf.manifest, conf.config_version)
  name = input['node'] || 'node.test'
  node = Puppet::Node.new(name, environment: environment, parameters: (input['parameters'] || {}).dup,
                                classes: input['classes'] || {})
  node.fact_merge(Puppet::Node::Facts.new(name, input['facts'] || {}))
  node.add_server_facts('serverversion' => '7.23.0', 'servername' => 'server.conformance.test', 'serverip' => '127.0.0.1')
  host, domain = name.split('.', 2)
  node.trusted_data = { 'authenticated' => 'remote', 'certname' => name, 'extensions' => {}, 'external' => {},
                        'hostname' => host, 'domain' => domain }
  context = { environments: SingleEnvironment.new(environment, conf), current_environment: environment, rich_data: true }
  Puppet.override(context, 'case') do
    Puppet::Parser::Compiler.compile(node).filter(&:virtual?).to_data_hash
  end
end

STDIN.each_line do |line|
  input = JSON.parse(line)
  messages = Puppet::Test::LogCollector.new
  Puppet::Util::Log.newdestination(messages)
  result = { 'id' => input['id'] }
  begin
    result['catalog'] = compile(input)
  rescue StandardError, ScriptError, SystemStackError => e
    where = e.respond_to?(:line) ? { 'file' => e.file, 'line' => e.line } : {}
    result['error'] = { 'message' => e.message.to_s }.merge(where)
  ensure
    Puppet::Util::Log.close(messages)
  end
  result['logs'] = messages.list.map { |m| { 'level' => m.level.to_s, 'message' => m.message.to_s, 'source' => m.source.to_s } }
  answers.puts(JSON.generate(result))
end
