package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

func newTokenCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Tokens for the operator API from other machines",
		Long:    "Tokens for the operator API from other machines. A token has a scope: read, run, fleet or admin, each containing those before it.",
		Example: "  kickoff token create --scope fleet --name ci\n  kickoff token list",
	}
	f := addClientFlags(cmd)
	cmd.AddCommand(newTokenCreateCommand(sio, f), newTokenListCommand(sio, f), newTokenRevokeCommand(sio, f))
	return cmd
}

func newTokenCreateCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output, scope string
	var req api.TokenRequest
	cmd := &cobra.Command{
		Use:     "create --scope read|run|fleet|admin",
		Short:   "Make a token and print it, once",
		Long:    "Make a token and print it. The server keeps only its hash: it cannot be shown again.",
		Example: "  kickoff token create --scope read --name dashboard --lifetime 2160h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			req.Scope = api.Scope(scope)
			t, err := c.CreateToken(cmd.Context(), req)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, t)
			}
			fmt.Fprintf(sio.Err, "token %s (%s), scope %s, good until %s:\n", t.ID, t.Name, t.Scope, t.Expires.Local().Format(time.DateTime))
			_, err = fmt.Fprintln(sio.Out, t.Secret)
			return err
		},
	}
	addOutputFlag(cmd, &output)
	cmd.Flags().StringVar(&scope, "scope", "", "what the token may do: read, run, fleet or admin")
	_ = cmd.MarkFlagRequired("scope")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"read", "run", "fleet", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&req.Name, "name", "", "what it is for, shown in lists and logs")
	cmd.Flags().StringVar(&req.Lifetime, "lifetime", "720h", "how long it is good")
	return cmd
}

func newTokenListCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the tokens",
		Long:    "List the tokens with their scope and when they expire. Their secrets are not kept.",
		Example: "  kickoff token list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, list)
			}
			t := tabwriter.NewWriter(sio.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tNAME\tSCOPE\tCREATED\tEXPIRES")
			for _, k := range list.Tokens {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Scope, k.Created.Local().Format(time.DateTime), k.Expires.Local().Format(time.DateTime))
			}
			return t.Flush()
		},
	}
	addOutputFlag(cmd, &output)
	return cmd
}

func newTokenRevokeCommand(sio *IO, f *clientFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a token",
		Long:    "End a token at once.",
		Example: "  kickoff token revoke 1a2b3c4d5e6f",
		Args:    cobra.ExactArgs(1),
		RunE: f.oneCall(sio, &output, func(ctx context.Context, c *api.Client, name string) (api.Done, error) {
			return c.RevokeToken(ctx, name)
		}),
	}
	addOutputFlag(cmd, &output)
	return cmd
}
