#!/bin/sh
# The same packages, files, user, clone, build and service as role::backend of examples/matchday, by a plain shell
# script as user-data: what launch to service is measured against. It checks nothing, reports nothing and runs once.
set -eu
export DEBIAN_FRONTEND=noninteractive
id=$(curl -s -H "X-aws-ec2-metadata-token: $(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' \
  http://169.254.169.254/latest/api/token)" http://169.254.169.254/latest/meta-data/instance-id)

apt-get update -q
apt-get install -y -q --no-install-recommends openjdk-17-jre-headless clojure leiningen git

groupadd --system matchday
useradd --system --gid matchday --home-dir /srv/matchday --create-home --shell /bin/sh matchday
install -d -m 0700 -o matchday -g matchday /srv/matchday/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMhbVdIBZ8hNLDRoNAcSdAYVlv1HK3jWJb0vBqMDzd7g deploy@example.com' >/srv/matchday/.ssh/authorized_keys
chown matchday:matchday /srv/matchday/.ssh/authorized_keys
chmod 0600 /srv/matchday/.ssh/authorized_keys

su matchday -c 'git clone -q http://kickoff.internal:8142/app.git /srv/matchday/app'
su matchday -c 'cd /srv/matchday/app && LEIN_JVM_OPTS=-XX:TieredStopAtLevel=1 lein -o jar'

cat >/etc/matchday.edn <<CONF
{:instance "$id"
 :greeting "Kick-off soon"
 :port     8080
 :threads  16}
CONF
chgrp matchday /etc/matchday.edn
chmod 0640 /etc/matchday.edn

cat >/etc/systemd/system/matchday.service <<'UNIT'
[Unit]
Description=the matchday application
After=network-online.target

[Service]
User=matchday
WorkingDirectory=/srv/matchday/app
ExecStart=/usr/bin/java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp /srv/matchday/app/target/api-1.0.0.jar:/usr/share/java/clojure.jar:/usr/share/java/spec.alpha.jar:/usr/share/java/core.specs.alpha.jar matchday.server /etc/matchday.edn
SuccessExitStatus=143
Restart=on-failure
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable matchday
systemctl start --no-block matchday
