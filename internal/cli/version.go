package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Version is the release, set by the linker from git.
var Version = "devel"

func newVersionCommand(sio *IO) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  kickoff version\n  kickoff version -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if output == "json" {
				return json.NewEncoder(sio.Out).Encode(map[string]string{
					"version": Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(sio.Out, "kickoff %s (%s/%s, %s)\n", Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
			return err
		},
	}
	addOutputFlag(cmd, &output)
	return cmd
}
