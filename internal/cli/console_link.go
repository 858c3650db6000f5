package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConsoleCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "console",
		Short:   "Open the web console",
		Long:    "Works with the web console of a running server.",
		Example: "  kickoff console link",
	}
	flags := addClientFlags(cmd)
	var output string
	link := &cobra.Command{
		Use:     "link",
		Short:   "Print a new login link",
		Long:    "Prints a link that opens one session of the console and expires after fifteen minutes.",
		Example: "  kickoff console link",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := flags.client()
			if err != nil {
				return err
			}
			defer client.Close()
			l, err := client.LoginLink(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, l)
			}
			_, err = fmt.Fprintln(sio.Out, l.URL)
			return err
		},
	}
	addOutputFlag(link, &output)
	cmd.AddCommand(link)
	return cmd
}
