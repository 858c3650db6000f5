# The real Puppet renders ERB, for the conformance tests: one JSON case per line on stdin, one result per line on stdout.
# A case: {"vars": {name: value}, "template": text} or {"vars", "file": path}. A result: {"text"} or {"error"}.
require 'json'
require 'tmpdir'
require 'fileutils'
require 'timeout'
require 'puppet'
require 'puppet/parser/compiler'

answers = STDOUT.dup
answers.sync = true
STDOUT.reopen(STDERR)

home = Dir.mktmpdir('conformance')
at_exit { FileUtils.rm_rf(home) }
dirs = %w[confdir vardir codedir logdir rundir ssldir].flat_map { |d| ["--#{d}", "#{home}/#{d}"] }
Puppet.initialize_settings(dirs)
Puppet[:strict] = :error
Puppet[:strict_variables] = true
Puppet[:certname] = 'server.conformance.test'
Puppet.push_context(Puppet.base_context(Puppet.settings), 'conformance')
Puppet::Node.indirection.terminus_class = :plain
Puppet::Util::Log.close_all

environment = Puppet::Node::Environment.create(:production, ['/usr/share/puppet/modules'], Puppet::Node::Environment::NO_MANIFEST)
node = Puppet::Node.new('node.test', environment: environment)
node.trusted_data = {}
compiler = Puppet::Parser::Compiler.new(node)

Puppet.override(compiler.context_overrides.merge(current_environment: environment,
                                                 environments: Puppet::Environments::Static.new(environment)), 'erb') do
  STDIN.each_line do |line|
    input = JSON.parse(line)
    result = {}
    begin
      scope = compiler.newscope(compiler.topscope)
      input['vars'].each { |name, value| scope[name] = value }
      name, arg = input['file'] ? ['template', input['file']] : ['inline_template', input['template']]
      Timeout.timeout(10) { result['text'] = scope.call_function(name, [arg]) }
    rescue StandardError, ScriptError, SystemStackError, UncaughtThrowError => e
      result['error'] = e.message.to_s
    end
    answers.puts(JSON.generate(result))
  end
end
