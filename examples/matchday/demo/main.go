// Command demo plays the story of this example: it is what `make demo` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"kickoff/test/story"
)

const keepDir = "/var/tmp/kickoff-demo"

func main() {
	binary := flag.String("binary", "bin/kickoff", "the kickoff binary")
	keep := flag.Bool("keep", false, "leave everything running at the end")
	stop := flag.Bool("stop", false, "end what an earlier -keep left running")
	serveGit := flag.String("serve-git", "", "only serve the git repositories of this directory")
	address := flag.String("address", "", "where -serve-git listens")
	flag.Parse()
	if *serveGit != "" {
		fmt.Fprintln(os.Stderr, story.ServeGit(*serveGit, *address))
		os.Exit(1)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var err error
	switch {
	case *stop:
		err = story.Stop(keepDir, os.Stdout)
	default:
		err = play(ctx, *binary, *keep)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		cancel()
		os.Exit(1)
	}
}

func play(ctx context.Context, binary string, keep bool) error {
	if story.Running(keepDir) {
		return errors.New("an earlier demo was left running: end it with `make demo-stop`")
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	p := story.Matchday("examples/matchday", binary)
	p.Out = os.Stdout
	if p.Keep = keep; keep {
		p.Dir = keepDir
	}
	_, err = story.Play(ctx, p)
	if err == nil {
		fmt.Println("\nThe demo held.")
	}
	return err
}
