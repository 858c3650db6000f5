package cli

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"kickoff/internal/api"
)

// defaultSocket is where a server listens for operators on its own machine.
const defaultSocket = "/var/lib/kickoff/kickoff.sock"

// clientFlags say how a command reaches the server.
type clientFlags struct {
	socket, server, ca, token string
}

// addClientFlags adds the flags by which a command and those below it reach the server.
func addClientFlags(cmd *cobra.Command) *clientFlags {
	f := &clientFlags{}
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.socket, "socket", "", "the server's unix socket (default $KICKOFF_SOCKET or "+defaultSocket+")")
	fs.StringVar(&f.server, "server", "", "the server's URL, https://host:8140, instead of the socket (default $KICKOFF_SERVER)")
	fs.StringVar(&f.ca, "ca-file", "", "PEM file of the CA that signed the server's certificate (default $KICKOFF_CA_FILE)")
	fs.StringVar(&f.token, "token", "", "API token; better in $KICKOFF_TOKEN, where other users do not see it")
	return f
}

// client makes the client; flags outrank the environment.
func (f *clientFlags) client() (*api.Client, error) {
	server := f.server
	if server == "" && f.socket == "" {
		server = os.Getenv("KICKOFF_SERVER")
	}
	o := api.ClientOptions{URL: server, CAFile: cmp.Or(f.ca, os.Getenv("KICKOFF_CA_FILE")), Token: cmp.Or(f.token, os.Getenv("KICKOFF_TOKEN"))}
	if server == "" {
		o.Socket = cmp.Or(f.socket, os.Getenv("KICKOFF_SOCKET"), defaultSocket)
	}
	return api.NewClient(o)
}
