package erb

// node is a part of the program of a template.
type node interface{ pos() int }

// at is the line of a node, from 1.
type at int

func (a at) pos() int { return int(a) }

type (
	// textNode appends a text of the template, outNode a value.
	textNode struct {
		at
		text string
	}
	outNode struct {
		at
		x node
	}
	// litNode is a number, nil, true, false or a symbol.
	litNode struct {
		at
		v any
	}
	// strNode makes a new String of texts and interpolated values.
	strNode struct {
		at
		parts []node
	}
	rawNode struct {
		at
		s string
	}
	symNode struct {
		at
		str *strNode
	}
	regexNode struct {
		at
		str   *strNode
		flags string
		re    *regex
	}
	arrayNode struct {
		at
		elems []node
	}
	hashNode struct {
		at
		pairs []node // key, value, …; a splatted hash is a nil key
	}
	rangeNode struct {
		at
		lo, hi node
		excl   bool
	}
	splatNode struct {
		at
		x node
	}
	ivarNode struct {
		at
		name string
	}
	localNode struct {
		at
		name string
	}
	globalNode struct {
		at
		name string
	}
	constNode struct {
		at
		name string // JSON::ParserError
	}
	assignNode struct {
		at
		target, x node
	}
	opAssignNode struct {
		at
		target node
		op     string
		x      node
	}
	multiNode struct {
		at
		targets []node // a splatNode takes the rest, a multiNode a list
		x       node   // nil inside of another multiNode
	}
	callNode struct {
		at
		recv  node // nil: a function
		name  string
		args  []node
		block *blockNode
		pass  node // &x
		safe  bool // &.
		// bare tells that there were neither arguments nor parentheses
		bare bool
	}
	blockNode struct {
		at
		params *params
		body   node
		lambda bool
	}
	notNode struct {
		at
		x node
	}
	logicNode struct {
		at
		or   bool
		l, r node
	}
	ifNode struct {
		at
		cond, yes, no node
	}
	whileNode struct {
		at
		until bool
		cond  node
		body  node
	}
	forNode struct {
		at
		target, list, body node
	}
	caseNode struct {
		at
		subject node
		whens   []when
		other   node
	}
	seqNode struct {
		at
		list []node
	}
	beginNode struct {
		at
		body              node
		rescues           []rescue
		otherwise, ensure node
	}
	defNode struct {
		at
		name   string
		params *params
		body   node
	}
	jumpNode struct {
		at
		kind string // next, break, return
		x    node
	}
	definedNode struct {
		at
		x node
	}
	yieldNode struct {
		at
		args []node
	}
)

// when is a branch of a case.
type when struct {
	conds []node
	body  node
}

// rescue is a handler of exceptions.
type rescue struct {
	classes []node
	name    node
	body    node
}

// params are the parameters of a block or method.
type params struct {
	list []param
}

// param is one of them: a name, or a list in parentheses.
type param struct {
	name  string
	def   node
	rest  bool
	inner *params
}
