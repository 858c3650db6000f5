package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"kickoff/internal/localcloud"
	"kickoff/internal/localcloud/api"
)

// newLocalCloudExecCommand lets an operator into a machine, e.g. one that was
// kept for a look. Machines have no ssh.
func newLocalCloudExecCommand(*IO) *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:   "exec INSTANCE [-- COMMAND...]",
		Short: "Run a command in a machine, or a shell",
		Long: `Runs a command inside a machine of a local cloud on this host, as its root; a login shell without a command.
It needs root, and nsenter (package util-linux). The exit status is the command's.`,
		Example: `  kickoff local-cloud exec i-0123456789abcdef0
  kickoff local-cloud exec i-0123456789abcdef0 -- journalctl -u kickoff-agent`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := api.NewClient(socket)
			defer client.Close()
			i, err := client.Instance(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if i.State != api.Running || i.PID == 0 {
				return fmt.Errorf("instance %s is %s, not running", i.ID, i.State)
			}
			return enterMachine(i.PID, args[1:])
		},
	}
	cmd.Flags().StringVar(&socket, "socket", localcloud.DefaultSocket, "unix socket of the API")
	return cmd
}

// enterMachine replaces this process by a command in the namespaces of a
// machine. It returns only when that failed.
func enterMachine(pid int, command []string) error {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("enter the machine: %w (package util-linux)", err)
	}
	if os.Geteuid() != 0 {
		return errors.New("enter the machine: only root can")
	}
	if len(command) == 0 {
		command = []string{"/bin/bash", "-l"}
	}
	args := append([]string{"nsenter", "-t", strconv.Itoa(pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"}, command...)
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=" + os.Getenv("TERM")}
	return fmt.Errorf("enter the machine: %w", syscall.Exec(nsenter, args, env))
}
