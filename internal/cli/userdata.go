package cli

import (
	"io"

	"github.com/spf13/cobra"
)

func newUserDataCommand(sio *IO) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "userdata GROUP",
		Short: "Print the bootstrap script of a group",
		Long: `Print the script that the next instance of a group would get as user-data, with a placeholder instead of its one-time
token. The same bytes run under cloud-init.`,
		Example: "  kickoff userdata backend-production",
		Args:    cobra.ExactArgs(1),
	}
	f := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := f.client()
		if err != nil {
			return err
		}
		defer c.Close()
		u, err := c.UserData(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if output == "json" {
			return writeJSON(sio.Out, u)
		}
		_, err = io.WriteString(sio.Out, u.Script)
		return err
	}
	addOutputFlag(cmd, &output)
	return cmd
}
