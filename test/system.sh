#!/usr/bin/env bash
# The tests that need root, Debian packages or a peer. Installs what is missing; what cannot run is named and counted as
# skipped. Give package patterns to run only some: ./test/system.sh ./test/story
set -uo pipefail
cd "$(dirname "$0")/.."

packages=(git curl debootstrap iproute2 haproxy puppet-agent chromium openssh-client)
if [ "$(id -u)" = 0 ]; then
  missing=()
  for p in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "== installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A policy that starts no service: the tests start their own.
    policy=/usr/sbin/policy-rc.d
    made=""
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; }
    apt-get update -qq && apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null \
      || echo "could not install ${missing[*]}: the tests that need them will say so"
    [ -z "$made" ] || rm -f "$policy"
  fi
else
  echo "== not root: everything that needs root will be skipped"
fi

export KICKOFF_ROOT_TESTS=1 KICKOFF_CONFORMANCE=1 KICKOFF_BROWSER_TESTS=1 KICKOFF_BINARY="$PWD/bin/kickoff"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "== system tests"
go test -count=1 -p 1 -v -timeout 25m "${@:-./test/...}" >"$log" 2>&1
status=$?
grep -E '^(ok|FAIL|panic:)|^\s*--- (FAIL|SKIP)' "$log"
if [ "$status" != 0 ]; then
  echo "== full output of what failed"
  awk '/^=== RUN/ {next} {print}' "$log" | tail -n 400
fi
grep -A3 -E '^\s*--- SKIP' "$log" | grep -E 'SKIP' | sort -u | sed 's/^/skipped: /' || true
passed=$(grep -cE '^\s*--- PASS' "$log"); failed=$(grep -cE '^\s*--- FAIL' "$log"); skipped=$(grep -cE '^\s*--- SKIP' "$log")
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
