package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newENCCommand(sio *IO) *cobra.Command {
	var explain bool
	var output string
	cmd := &cobra.Command{
		Use:   "enc NAME",
		Short: "Print what the classifier says about a node",
		Long: `Prints classes, parameters and environment of an instance as Puppet's external_nodes protocol defines it, so that
this command can be the external_nodes program of a stock Puppet server. NAME is a certname, an instance id or a private
DNS name of EC2. A node that the fleet does not have is an error, with exit status 1.`,
		Example: `  kickoff enc i-0123456789abcdef0
  kickoff enc --explain i-0123456789abcdef0
  # in the puppet.conf of a stock server
  external_nodes = /usr/local/bin/kickoff enc`,
		Args: cobra.ExactArgs(1),
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := flags.client()
		if err != nil {
			return err
		}
		defer client.Close()
		c, err := client.Classification(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		switch {
		case output == "json":
			return writeJSON(sio.Out, c)
		case explain:
			_, err = fmt.Fprint(sio.Out, c.Explanation)
		default:
			_, err = fmt.Fprint(sio.Out, c.YAML)
		}
		return err
	}
	cmd.Flags().BoolVar(&explain, "explain", false, "say where each part comes from")
	addOutputFlag(cmd, &output)
	return cmd
}
