package value

import "iter"

// Iterator is a lazy sequence, as reverse_each(), step() and tree_each() without a block give it.
type Iterator struct {
	// elem is the text of the type of the elements, for messages.
	elem string
	seq  iter.Seq[Value]
}

// NewIterator makes an Iterator over seq, which must be repeatable. elem names the type of the elements.
func NewIterator(elem string, seq iter.Seq[Value]) *Iterator { return &Iterator{elem, seq} }

// All gives the elements.
func (i *Iterator) All() iter.Seq[Value] { return i.seq }

// Elem is the text of the type of the elements.
func (i *Iterator) Elem() string { return i.elem }

// Array collects the elements.
func (i *Iterator) Array() *Array {
	var out []Value
	for v := range i.seq {
		out = append(out, v)
	}
	return NewArray(out...)
}

// TypeName implements Value.
func (*Iterator) TypeName() string { return "Iterator" }

// String names the kind, as Puppet does.
func (i *Iterator) String() string { return "Iterator[" + i.elem + "]-Value" }
