#!/usr/bin/env bash
# make bench: every measurement, each beside its peer. Some need root and Debian packages; those say so when they cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./bench/startup
if [ "$(id -u)" = 0 ]; then
  go run ./bench/launch
else
  echo "SKIPPED: launch to service needs root (local cloud)"
fi
