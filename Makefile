# kickoff: `make demo` runs the main job end to end, `make test` runs all tests. Both install what they need.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X kickoff/internal/cli.Version=$(VERSION)
BIN     := bin/kickoff
export CGO_ENABLED := 0

.PHONY: build demo demo-stop test check unit system bench conformance fmt clean

build: ## the static binary
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/kickoff

demo: build ## the main job: blank servers that turn themselves into a working backend (KEEP=1 leaves it running)
	go run ./examples/matchday/demo -binary $(abspath $(BIN)) $(if $(KEEP),-keep)

test: check system ## all tests

check: ## format, vet, staticcheck, tidy, import rules, race
	./test/check.sh

unit: ## what runs anywhere, without root or network
	go test ./...

system: build ## what needs root, Debian packages or a peer
	./test/system.sh

bench: build ## side-by-side measurements
	./bench/run.sh

demo-stop: ## ends what make demo KEEP=1 left running
	go run ./examples/matchday/demo -stop

clean:
	rm -rf bin
