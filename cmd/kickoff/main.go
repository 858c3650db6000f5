// Command kickoff is the whole product in one binary; see kickoff --help.
package main

import (
	"os"

	"kickoff/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.SystemIO()))
}
