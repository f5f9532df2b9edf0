#!/bin/sh
# Installs the programs that the checks and the tests run and that no Python package brings: Debian's packages, or a note.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
missing=""
for pair in promtool:prometheus amtool:prometheus-alertmanager redis-server:redis-server pgbouncer:pgbouncer \
    docker-compose:docker-compose npm:npm; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
    echo "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 - the words are meant to be split
    { $as_root apt-get update -qq && $as_root apt-get install -qq --no-install-recommends $missing; } >/dev/null && exit 0
fi
echo "could not install$missing: install what provides promtool, amtool, redis-server, pgbouncer, docker-compose and npm here; until then their checks are skipped" >&2
