package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func run(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = Main(args, &IO{In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

func TestUnknownCommandsAreErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nosuch"}, `has no command "nosuch"`},
		{[]string{"flet"}, "did you mean fleet?"},
		{[]string{"fleet", "scael", "web", "3"}, "did you mean scale?"},
		{[]string{"version", "extra"}, "extra"},
		{[]string{"version", "-o", "yaml"}, "use text or json"},
	} {
		status, _, errs := run(c.args...)
		if status == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("kickoff %v: status %d, %q; want an error with %q", c.args, status, errs, c.want)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" {
			return
		}
		if c.Short == "" {
			t.Errorf("%s says nothing about itself", c.CommandPath())
		}
		if c.HasParent() && !c.Hidden && !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(NewRoot(&IO{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}))
}
