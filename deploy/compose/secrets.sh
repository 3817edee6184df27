#!/bin/sh
# Makes the secrets of docker-compose.yml, those that are not there yet, as files in the volume /secrets: each is random, whole or
# not there, and readable by the one who needs it alone. What is removed is made anew: `database-url` and `nats-url` each with the
# file that the other side reads. PostgreSQL has to be told its new password besides; docs/deploying.md has the commands.
#
# Where the profile `single` was before, its signing key becomes that of the nodes, if its volume is mounted at /from (docs/moving.md).
set -eu
umask 077
cd /secrets

node=65532
nats=65533

random() {
    head -c 33 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'
}

# keep NAME OWNER: what comes in is the file from now on.
keep() {
    cat >"$1.new"
    chown "$2" "$1.new"
    mv "$1.new" "$1"
}

if [ ! -e jwt.key ]; then
    if [ -d /from ]; then
        keep jwt.key "$node" </from/jwt.key
    else
        random | keep jwt.key "$node"
    fi
fi

# The address comes last: as long as it is not there, PostgreSQL was never started with the password.
if [ ! -e database-url ]; then
    password="$(random)"
    printf '%s\n' "$password" | keep database-password postgres
    printf 'postgres://goldcrest:%s@postgres/goldcrest\n' "$password" | keep database-url "$node"
fi

if [ ! -e nats-url ]; then
    password="$(random)"
    printf 'password: "%s"\n' "$password" | keep nats-password.conf "$nats"
    printf 'nats://goldcrest:%s@nats:4222\n' "$password" | keep nats-url "$node"
fi
