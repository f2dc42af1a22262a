#!/bin/sh
# Makes the keys, users and passwords that compose.yaml needs, each part's own in a folder (a volume) of its own. Safe to run again: what is
# there stays. $KEYS: the folder that holds these folders. $TARGETS: the targets that have a sidecar.
set -eu
umask 077
: "${KEYS:=/parts}" "${DATABASE:=postgres:5432}" "${TARGETS:?names of targets}"

# The root of it all: only this program ever sees it whole.
export FLYBALL_HOME="$KEYS/root" FLYBALL_KEYS="$KEYS/root/keys"
# shellcheck disable=SC2086 # several names
flyball auth init $TARGETS
# What the engines sign with. Both have the same: a sidecar knows one key.
test -f "$FLYBALL_KEYS/engine.key" || node -e '
  const { privateKey, publicKey } = crypto.generateKeyPairSync("ed25519");
  const write = (name, key, type) => fs.writeFileSync(process.env.FLYBALL_KEYS + "/engine." + name, key.export({ type, format: "pem" }), { mode: 0o600 });
  write("pub", publicKey, "spki");
  write("key", privateKey, "pkcs8");'

give() { # FILE FOLDER: beside it and then moved, so that nobody reads half of it
  cp "$1" "$2/.new" && mv "$2/.new" "$2/$(basename "$1")"
}
mkdir -p "$KEYS/engine/nats"
give "$FLYBALL_KEYS/engine.key" "$KEYS/engine"
give "$FLYBALL_KEYS/engine.pub" "$KEYS/engine"
give "$FLYBALL_KEYS/nats/engine.seed" "$KEYS/engine/nats"
give "$FLYBALL_KEYS/nats/users.conf" "$KEYS/nats"
for target in $TARGETS; do
  mkdir -p "$KEYS/$target/nats"
  give "$FLYBALL_KEYS/engine.pub" "$KEYS/$target"
  give "$FLYBALL_KEYS/nats/adapter.$target.seed" "$KEYS/$target/nats"
done

test -f "$FLYBALL_KEYS/postgres" || node -p 'crypto.randomBytes(24).toString("hex")' > "$FLYBALL_KEYS/postgres"
give "$FLYBALL_KEYS/postgres" "$KEYS/postgres"
# Postgres runs as a user of its own; its volume is mounted there and nowhere else.
chmod 755 "$KEYS/postgres" && chmod 644 "$KEYS/postgres/postgres"
printf 'postgres://flyball:%s@%s/flyball\n' "$(cat "$FLYBALL_KEYS/postgres")" "$DATABASE" > "$FLYBALL_KEYS/database-url"
give "$FLYBALL_KEYS/database-url" "$KEYS/engine"
