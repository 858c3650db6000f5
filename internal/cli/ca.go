package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

func newCACommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Look at certificates; sign, revoke and clean them",
		Long: `Works on the certificate authority of a running server. Instances that the fleet launched get their certificates
by themselves, with a one-time token; any other node waits until somebody signs its request here.`,
		Example: "  kickoff ca list --all\n  kickoff ca sign db1.example.com",
	}
	flags := addClientFlags(cmd)
	cmd.AddCommand(
		newCAListCommand(sio, flags),
		newCAActCommand(sio, flags, "sign", "Sign requests that wait", (*api.Client).SignCertificate),
		newCAActCommand(sio, flags, "revoke", "Revoke certificates; the node is shut out at once", (*api.Client).RevokeCertificate),
		newCAActCommand(sio, flags, "clean", "Revoke certificates and forget them, so that the name can enrol again", (*api.Client).CleanCertificate),
	)
	return cmd
}

func newCAListCommand(sio *IO, flags *clientFlags) *cobra.Command {
	var output string
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List requests that wait or were refused; with --all, all certificates",
		Long: `Lists the requests that wait for a signature and the names whose requests were refused, with the reason of the
last decision. With --all also those that are signed and revoked.`,
		Example: "  kickoff ca list\n  kickoff ca list --all -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := flags.client()
			if err != nil {
				return err
			}
			defer client.Close()
			list, err := client.Certificates(cmd.Context(), all)
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, list)
			}
			return printCertificates(sio, list.Certificates, all)
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also signed and revoked certificates")
	addOutputFlag(cmd, &output)
	return cmd
}

func printCertificates(sio *IO, list []api.Certificate, all bool) error {
	if len(list) == 0 {
		what := "no request waits for a signature"
		if all {
			what = "no certificates"
		}
		_, err := fmt.Fprintln(sio.Out, what)
		return err
	}
	w := tabwriter.NewWriter(sio.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tSERIAL\tUNTIL\tFINGERPRINT (SHA-256)\tLAST DECISION")
	for _, c := range list {
		until, decision := "-", "-"
		if !c.NotAfter.IsZero() {
			until = c.NotAfter.Format(time.DateOnly)
		}
		if len(c.Decisions) > 0 {
			d := c.Decisions[0]
			decision = d.Verdict + ": " + d.Detail
			if d.Count > 1 {
				decision += fmt.Sprintf(" (%d times)", d.Count)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.State, orDash(c.Serial), until, orDash(c.Fingerprint[:min(16, len(c.Fingerprint))]), decision)
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// caAction is a method of the client that does something to the certificate of a name.
type caAction func(*api.Client, context.Context, string) (api.Done, error)

func newCAActCommand(sio *IO, flags *clientFlags, name, short string, act caAction) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     name + " NAME...",
		Short:   short,
		Long:    short + ". All names are tried; the exit status is 1 if one of them failed.",
		Example: "  kickoff ca " + name + " db1.example.com",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			client, err := flags.client()
			if err != nil {
				return err
			}
			defer client.Close()
			var errs []error
			for _, n := range names {
				done, err := act(client, cmd.Context(), n)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s %s: %w", name, n, err))
					continue
				}
				if output == "json" {
					err = writeJSON(sio.Out, done)
				} else {
					_, err = fmt.Fprintln(sio.Out, strings.TrimSpace(done.Message))
				}
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		},
	}
	addOutputFlag(cmd, &output)
	return cmd
}
