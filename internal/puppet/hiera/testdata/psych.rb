#!/usr/bin/env ruby
# Reads YAML texts, one JSON string for each line, and prints what Psych makes of each, loaded as Puppet loads data.
require 'json'
require 'yaml'
def show(v)
  case v
  when nil then 'nil'
  when true, false then v.to_s
  when Integer then v.bit_length > 63 ? raise('too big') : "i#{v}"
  when Float then "f#{v.nan? ? 'NaN' : v}"
  when String then "s#{v.to_json}"
  when Array then '[' + v.map { |e| show(e) }.join(',') + ']'
  when Hash then '{' + v.map { |k, e| show(k) + ':' + show(e) }.join(',') + '}'
  else raise v.class.to_s
  end
end
STDIN.each_line do |l|
  begin
    puts show(YAML.safe_load(JSON.parse(l, quirks_mode: true), permitted_classes: [Symbol], aliases: true))
  rescue StandardError, SyntaxError, SystemStackError => e
    puts "error"
  end
end
