#!/bin/sh
# The same packages, files, user, clone, build and service as role::backend of examples/matchday, by a plain shell
# script as user-data: what launch to service is measured against. It checks nothing, reports nothing and runs once.
# Like the agent it uses the package lists that the image came with.
set -eu
export DEBIAN_FRONTEND=noninteractive
id=$(curl -s -H "X-aws-ec2-metadata-token: $(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' \
  http://169.254.169.254/latest/api/token)" http://169.254.169.254/latest/meta-data/instance-id)

apt-get install -y -q --no-install-recommends openjdk-17-jre-headless clojure leiningen git

groupadd --system matchday
useradd --system --gid matchday --home-dir /srv/matchday --create-home --shell /bin/sh --comment 'runs the application' matchday
install -d -m 0700 -o matchday -g matchday /srv/matchday/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDBClQ1QrNBy5FF2eufKwlT687Pg4kT3YOCezXG0zli3 deploy@matchday' >/srv/matchday/.ssh/authorized_keys
chown matchday:matchday /srv/matchday/.ssh/authorized_keys
chmod 0600 /srv/matchday/.ssh/authorized_keys

su matchday -c 'git clone -q http://kickoff.internal:8142/app.git /srv/matchday/app'
su matchday -c 'cd /srv/matchday/app && lein -o compile'

install -d -m 0750 -g matchday /etc/matchday
cat >/etc/matchday/config.edn <<CONF
{:instance "$id"
 :greeting "Kick-off soon"
 :port     8080
 :threads  16}
CONF
chgrp matchday /etc/matchday/config.edn
chmod 0640 /etc/matchday/config.edn

cat >/etc/systemd/system/matchday.service <<'UNIT'
[Unit]
Description=The application that answers while a match is on
After=network-online.target
Wants=network-online.target

[Service]
User=matchday
Group=matchday
ExecStart=/usr/bin/java -Xms96m -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
  -Dsun.net.httpserver.nodelay=true -cp /srv/matchday/app/target/classes:/usr/share/java/clojure.jar:/usr/share/java/spec.alpha.jar:/usr/share/java/core.specs.alpha.jar \
  matchday.server /etc/matchday/config.edn
# The JVM ends with 143 when systemd stops it.
SuccessExitStatus=143
Restart=always
RestartSec=1
TimeoutStopSec=10

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl start matchday
systemctl enable matchday
