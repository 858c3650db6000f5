package types

import "kickoff/internal/value"

func newString(args []value.Value) (value.Value, error) {
	args = named(args, "from", "string_formats")
	if err := count("String", args, 1, 2); err != nil {
		return nil, err
	}
	return value.String(args[0].String()), nil
}
