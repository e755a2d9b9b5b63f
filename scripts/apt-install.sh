#!/bin/sh
# Install Debian packages when we are root on a machine that has them; fails quietly where we can't.
set -eu
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || exit 1
printf 'setup: apt-get install %s\n' "$*"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -qq --yes --no-install-recommends "$@" >/dev/null; }
install "$@" 2>/dev/null || { apt-get update -qq && install "$@"; }
