package cli

import "github.com/spf13/cobra"

func newFleetCommand(sio *IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "See and steer the fleet",
		Long: `See and steer the fleet: what every instance is doing, how many there should be, and rolling runs of their agents.

The commands speak to the server over its unix socket, as root or as the server's own user. From another machine they
use TLS: --server, --ca-file and a token (kickoff token create) in $KICKOFF_TOKEN.`,
		Example: `  kickoff fleet status
  kickoff fleet scale backend-production 4
  kickoff fleet run backend-production`,
	}
	f := addClientFlags(cmd)
	cmd.AddCommand(
		newFleetStatusCommand(sio, f), newFleetEventsCommand(sio, f),
		newFleetScaleCommand(sio, f), newFleetLaunchCommand(sio, f), newFleetResumeCommand(sio, f),
		newFleetRunCommand(sio, f),
		newFleetDrainCommand(sio, f), newFleetUndrainCommand(sio, f), newFleetTerminateCommand(sio, f),
		newFleetConsoleCommand(sio, f),
		newFleetSimulateCommand(sio), newFleetPlanCommand(sio), newFleetCalendarCommand(sio),
	)
	return cmd
}
