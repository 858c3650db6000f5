# Drives the real Puppet's parser and validator for the parser conformance tests, many texts in one process.
#
# stdin:  one JSON object per line: {"file": path} or {"code": text}, and "epp": true for a template, "dump": true for the tree
# stdout: one JSON object per line, in the same order: {"ok": true, "tree": "…"} or {"ok": false, "error": "first message"}
require 'json'
require 'puppet'

out = STDOUT.dup
STDOUT.reopen(STDERR)
Puppet.initialize_settings(%w[--confdir /nonexistent/kickoff --vardir /nonexistent/kickoff])
Puppet[:strict] = :error
Puppet::Util::Log.level = :crit

parsers = {
  false => Puppet::Pops::Parser::EvaluatingParser.new,
  true => Puppet::Pops::Parser::EvaluatingParser::EvaluatingEppParser.new
}


STDIN.each_line do |line|
  job = JSON.parse(line)
  begin
    code = job['file'] ? File.binread(job['file']).force_encoding('UTF-8') : job['code'].to_s
    tree = parsers[job['epp'] == true].parse_string(code, job['file'] || 'code.pp')
    result = { ok: true }
    result[:tree] = Puppet::Pops::Model::ModelTreeDumper.new.dump(tree) if job['dump']
  rescue SystemExit, Interrupt
    raise
  rescue Exception => e
    result = { ok: false, error: e.message.scrub }
  end
  out.puts(JSON.generate(result))
  out.flush
end
