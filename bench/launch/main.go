// Command launch measures launch to service of the demo's backends: by kickoff, and by a plain shell script that does
// the same work as user-data on the same image.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"kickoff/test/story"
)

func main() {
	binary := flag.String("binary", "bin/kickoff", "the kickoff binary")
	n := flag.Int("n", 1, "runs of each")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *binary, *n); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
		cancel()
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, n int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	p := story.Matchday("examples/matchday", binary)
	p.Subnet, p.HostAddress = "10.80.0.0/24", "10.80.0.2"
	// once to fill the package cache, which both then have
	if _, err := story.ScriptStart(ctx, p, "bench/shell-userdata.sh", 8080, "/health"); err != nil {
		return err
	}
	var ours, peers time.Duration
	for range n {
		peer, err := story.ScriptStart(ctx, p, "bench/shell-userdata.sh", 8080, "/health")
		if err != nil {
			return err
		}
		our, err := story.LaunchMore(ctx, p)
		if err != nil {
			return err
		}
		ours, peers = ours+our, peers+peer
		fmt.Printf("launch to service, %d backends        kickoff %6.1f s   shell script %6.1f s   ratio %.2f\n",
			p.Count, our.Seconds(), peer.Seconds(), our.Seconds()/peer.Seconds())
	}
	if n > 1 {
		fmt.Printf("mean of %d                            ratio %.2f\n", n, ours.Seconds()/peers.Seconds())
	}
	return nil
}
