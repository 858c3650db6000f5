#!/usr/bin/env bash
# make check: format, vet, staticcheck, tidy, modernise, and every test that runs without root, with the race detector.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step gofmt
unformatted=$(gofmt -l $(git ls-files -co --exclude-standard '*.go'))
if [ -n "$unformatted" ]; then
  echo "not formatted (run gofmt -w):"; echo "$unformatted"; exit 1
fi
step go vet
go vet ./...
step staticcheck
go tool staticcheck ./...
step go mod tidy
go mod tidy -diff
step go fix
fixes=$(go fix -diff ./... 2>&1 || true)
if [ -n "$fixes" ]; then
  echo "$fixes"; echo "run go fix ./..."; exit 1
fi
step go test -race
if command -v gcc >/dev/null; then
  CGO_ENABLED=1 go test -race -shuffle=on -timeout 15m ./...
else
  echo "SKIPPED: the race detector needs a C compiler (apt-get install gcc)"
  go test -shuffle=on ./...
fi
