#!/bin/sh
# Runs the user-data of this instance, once: what cloud-init does for user-data
# that begins with "#!". As there, HOME is not set and the directory is /.
set -u

base=http://169.254.169.254
state=/var/lib/kickoff-instance

say() { echo "user-data: $*"; }

ask() { curl --silent --show-error --noproxy '*' --max-time 20 --retry 30 --retry-delay 1 --retry-connrefused "$@"; }

token=$(ask --fail -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$base/latest/api/token") || {
	say "no token from the metadata service"
	exit 1
}
id=$(ask --fail -H "X-aws-ec2-metadata-token: $token" "$base/latest/meta-data/instance-id") || {
	say "no instance id from the metadata service"
	exit 1
}

dir=$state/$id
if [ -e "$dir/started" ]; then
	exit 0
fi
mkdir -p "$dir"
chmod 0700 "$state" "$dir"

status=$(ask --output "$dir/user-data" --write-out '%{http_code}' \
	-H "X-aws-ec2-metadata-token: $token" "$base/latest/user-data") || status=000
case $status in
200) ;;
404)
	say "none"
	exit 0
	;;
*)
	say "the metadata service answered $status"
	exit 1
	;;
esac

if [ "$(head -c 2 "$dir/user-data" | od -An -tx1 | tr -d ' ')" = 1f8b ]; then
	gzip -dc <"$dir/user-data" >"$dir/script" || exit 1
else
	cp "$dir/user-data" "$dir/script"
fi
: >"$dir/started"
case $(head -c 2 "$dir/script") in
'#!') ;;
*)
	say "it does not begin with #!, so it is not run"
	exit 0
	;;
esac
chmod 0700 "$dir/script"
cd /
"$dir/script" </dev/null
status=$?
echo "$status" >"$dir/status"
if [ "$status" -ne 0 ]; then
	say "exit status $status"
	exit 1
fi
say "done"
