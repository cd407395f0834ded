#!/usr/bin/env bash
# A Docker engine and the test image for tests/sandbox. Needs root on Debian or Ubuntu, and their package mirror.
#
#   tests/sandbox/start_docker.sh         start an engine where none answers, build the image where it is missing
#   tests/sandbox/start_docker.sh stop    stop the engine that this script started
#
# FORGE_CACHE: folder for the image's archive and the engine's state (default: ~/.cache/forge).
set -euo pipefail

CACHE=${FORGE_CACHE:-$HOME/.cache/forge}
IMAGE=${FORGE_TEST_IMAGE:-forge-test-base}
SUITE=${FORGE_TEST_SUITE:-bookworm}
PIDFILE=$CACHE/dockerd.pid
mkdir -p "$CACHE"

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# What an engine that was killed could not end. Its process ids may belong to zombies, which count as running for it.
remains() {
  pkill -KILL -f "containerd.*$CACHE/docker-run" || true
  rm -f "$CACHE/docker-engine.pid" "$CACHE/docker-run/containerd/containerd.pid"
  # Mounts below the cache, the engine's bind of its own folder too; the deepest first.
  awk -v at="$CACHE/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r place; do umount "$place" 2>/dev/null || true; done
}

stop() {
  [ -f "$PIDFILE" ] || return 0
  local pid
  pid=$(cat "$PIDFILE")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  rm -f "$PIDFILE"
  remains
}

start() {
  answers && return 0
  command -v dockerd >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io >/dev/null; }
  # No bridge and no firewall rules: sandboxes have no network, and a machine without iptables will do.
  remains
  setsid dockerd --data-root "$CACHE/docker" --exec-root "$CACHE/docker-run" --bridge none --iptables=false --ip6tables=false \
    --pidfile "$CACHE/docker-engine.pid" >"$CACHE/dockerd.log" 2>&1 </dev/null &
  echo $! >"$PIDFILE"
  for _ in $(seq 300); do answers && return 0; sleep 0.1; done
  tail -5 "$CACHE/dockerd.log" >&2
  echo "No Docker engine after 30 s; its log is $CACHE/dockerd.log" >&2
  return 1
}

image() {
  docker image inspect "$IMAGE" >/dev/null 2>&1 && return 0
  local archive=$CACHE/$IMAGE-$SUITE.tar
  if [ ! -f "$archive" ]; then
    command -v debootstrap >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap >/dev/null; }
    local root
    root=$(mktemp -d "$CACHE/root.XXXXXX")
    trap 'rm -rf "$root"' RETURN
    debootstrap --variant=minbase --include=python3,git "$SUITE" "$root" >"$CACHE/debootstrap.log"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" -c . >"$archive.part"
    mv "$archive.part" "$archive"
  fi
  docker import "$archive" "$IMAGE" >/dev/null
}

case ${1:-start} in
  start) start && image ;;
  stop) stop ;;
  *) echo "usage: $0 [start|stop]" >&2; exit 2 ;;
esac
