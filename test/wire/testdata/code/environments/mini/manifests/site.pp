filebucket { 'main': server => 'localhost', port => 18141, path => false }
File { backup => 'main' }
node default { include demo }
