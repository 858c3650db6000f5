package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kickoff/internal/localcloud"
	"kickoff/internal/localcloud/api"
	"kickoff/internal/localcloud/image"
	"kickoff/internal/localcloud/machine"
)

// localCloudFlags are the flags of kickoff local-cloud before they are checked.
type localCloudFlags struct {
	options     localcloud.Options
	subnet      string
	socketOwner string
	debug       bool
}

func newLocalCloudCommand(sio *IO) *cobra.Command {
	var flags localCloudFlags
	cmd := &cobra.Command{
		Use:   "local-cloud",
		Short: "Run a cloud of blank Debian machines on this host",
		Long: `Runs a cloud on this host: blank Debian machines made of Linux namespaces, with systemd, an address of their
own, EC2's metadata service at 169.254.169.254 and a caching apt proxy. It needs root, and runs apart from the
server, which reaches it over a unix socket. When it is told to stop it ends all its machines and leaves nothing behind;
when it was killed, the next start on the same state directory cleans up.

It is a tool for tests, demos and laptops, not a security boundary: root in a machine is root on this host without
some capabilities.`,
		Example: `  # let user 1000 launch machines
  kickoff local-cloud --socket-owner 1000
  # a second one beside it
  kickoff local-cloud --state-dir /var/lib/kickoff-b --socket /run/kickoff/b.sock --subnet 10.78.0.0/24`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := flags.resolve(sio)
			if err != nil {
				return err
			}
			return localcloud.Run(cmd.Context(), o)
		},
	}
	flags.add(cmd)
	cmd.AddCommand(newLocalCloudImageCommand(sio), newLocalCloudDoctorCommand(sio), newLocalCloudInstancesCommand(sio),
		newLocalCloudConsoleCommand(sio), newLocalCloudExecCommand(sio), newMachineInitCommand())
	return cmd
}

func (f *localCloudFlags) add(cmd *cobra.Command) {
	o, set := &f.options, cmd.Flags()
	set.StringVar(&o.StateDir, "state-dir", localcloud.DefaultStateDir, "directory for machines' disks and records")
	set.StringVar(&o.Socket, "socket", localcloud.DefaultSocket, "unix socket of the API")
	set.StringVar(&f.socketOwner, "socket-owner", "", "user (name or number) who may use the socket, beside root")
	set.StringVar(&f.subnet, "subnet", localcloud.DefaultSubnet, "IPv4 network of the machines")
	set.StringVar(&o.HostName, "host-name", localcloud.DefaultHostName, "name by which machines reach this host")
	set.StringVar(&o.ImageCache, "image-cache", localcloud.DefaultImageCache, "directory for built images")
	set.StringVar(&o.AptCache, "apt-cache", localcloud.DefaultAptCache, "directory for downloaded packages")
	set.StringSliceVar(&o.Images, "image", []string{image.Default}, "images to build at the start if missing")
	set.IntVar(&o.MaxInstances, "max-instances", 50, "how many machines may be alive")
	set.DurationVar(&o.StopTimeout, "stop-timeout", 0, "how long a machine may take to halt before it is killed (default 20s)")
	set.BoolVar(&f.debug, "debug", false, "log more")
}

// resolve turns the flags into options.
func (f *localCloudFlags) resolve(sio *IO) (localcloud.Options, error) {
	o := f.options
	var err error
	if o.Subnet, err = netip.ParsePrefix(f.subnet); err != nil {
		return o, fmt.Errorf("--subnet: %w", err)
	}
	o.SocketOwner = -1
	if f.socketOwner != "" {
		if o.SocketOwner, err = userID(f.socketOwner); err != nil {
			return o, fmt.Errorf("--socket-owner: %w", err)
		}
	}
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	o.Log = slog.New(slog.NewTextHandler(sio.Err, &slog.HandlerOptions{Level: level}))
	o.Progress = func(line string) { fmt.Fprintln(sio.Err, line) }
	o.Version = Version
	return o, nil
}

// userID finds a user by number or name.
func userID(text string) (int, error) {
	if uid, err := strconv.ParseUint(text, 10, 31); err == nil {
		return int(uid), nil
	}
	u, err := user.Lookup(text)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(u.Uid)
}

func newLocalCloudImageCommand(sio *IO) *cobra.Command {
	o := localcloud.Options{Progress: func(line string) { fmt.Fprintln(sio.Err, line) }}
	cmd := &cobra.Command{
		Use:   "image [NAME]",
		Short: "Build an image for the local cloud",
		Long: `Builds an image by debootstrap, which takes one to three minutes, unless the cache has it already, and prints its
directory. debootstrap is installed by apt-get if it is missing.`,
		Example: `  kickoff local-cloud image
  kickoff local-cloud image debian-12-cloud-init`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(image.Names(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := image.Default
			if len(args) > 0 {
				name = args[0]
			}
			built, err := localcloud.BuildImage(cmd.Context(), o, name)
			if err != nil {
				return err
			}
			fmt.Fprintln(sio.Out, built.Root)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.ImageCache, "image-cache", localcloud.DefaultImageCache, "directory for built images")
	return cmd
}

func newLocalCloudDoctorCommand(sio *IO) *cobra.Command {
	var o localcloud.Options
	var output string
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Check whether this host can run a local cloud",
		Long:    "Checks what a local cloud needs of this host, changes nothing, and says what to do about each problem. The exit status is 1 if there is one.",
		Example: "  kickoff local-cloud doctor",
		Args:    cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			checks := localcloud.Preflight(o)
			failed := false
			for _, c := range checks {
				failed = failed || c.Problem != ""
			}
			if output == "json" {
				if err := writeJSON(sio.Out, checks); err != nil {
					return err
				}
			} else {
				printChecks(sio, checks)
			}
			if failed {
				return &ExitError{Code: 1}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.StateDir, "state-dir", localcloud.DefaultStateDir, "directory for machines' disks and records")
	cmd.Flags().IntVar(&o.MaxInstances, "max-instances", 50, "how many machines may be alive")
	addOutputFlag(cmd, &output)
	return cmd
}

func printChecks(sio *IO, checks []localcloud.Check) {
	for _, c := range checks {
		switch {
		case c.Problem != "":
			fmt.Fprintf(sio.Out, "FAIL  %s: %s\n      %s\n", c.Name, c.Problem, c.Remedy)
		case c.Note != "":
			fmt.Fprintf(sio.Out, "ok    %s (%s)\n", c.Name, c.Note)
		default:
			fmt.Fprintf(sio.Out, "ok    %s\n", c.Name)
		}
	}
}

func newLocalCloudInstancesCommand(sio *IO) *cobra.Command {
	var socket, output string
	cmd := &cobra.Command{
		Use:     "instances",
		Short:   "List the machines of a running local cloud",
		Long:    "Lists the machines of a running local cloud, also those that ended within the last hour.",
		Example: "  kickoff local-cloud instances -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := api.NewClient(socket)
			defer client.Close()
			list, err := client.Instances(cmd.Context(), "")
			if err != nil {
				return err
			}
			if output == "json" {
				return writeJSON(sio.Out, list)
			}
			w := tabwriter.NewWriter(sio.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "INSTANCE\tSTATE\tADDRESS\tIMAGE\tTYPE\tGROUPS\tREASON")
			for _, i := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.State, i.PrivateIP, i.Image, i.Type,
					strings.Join(i.SecurityGroups, ","), i.StateReason)
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&socket, "socket", localcloud.DefaultSocket, "unix socket of the API")
	addOutputFlag(cmd, &output)
	return cmd
}

func newLocalCloudConsoleCommand(sio *IO) *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:     "console INSTANCE",
		Short:   "Show what a machine printed on its console",
		Long:    "Shows the last 64 KiB that a machine printed on its console: its boot, and the output of its user-data.",
		Example: "  kickoff local-cloud console i-0123456789abcdef0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client := api.NewClient(socket)
			defer client.Close()
			text, err := client.Console(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = sio.Out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&socket, "socket", localcloud.DefaultSocket, "unix socket of the API")
	return cmd
}

// newMachineInitCommand is the child's side of starting a machine.
func newMachineInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "machine-init",
		Short:   "Become the init of a machine (for the local cloud itself)",
		Long:    "The local cloud starts this in new namespaces; it prepares them and becomes the machine's init.",
		Example: "  # not for people",
		Hidden:  true,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &ExitError{Code: machine.Init(), Err: errors.New("not started by a local cloud, or its machine could not start")}
		},
	}
}
