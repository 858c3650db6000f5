class m($p, $q, $def = 0) { notice("${p} ${q} ${def}") }
