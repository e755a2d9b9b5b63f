#!/bin/sh
# A source archive and a wheel into dist/ (or the folder named), by the build backend that is in .venv: no network.
# The wheel is made from the archive, so that it holds nothing of an earlier build, and the archive lacks nothing.
set -eu
umask 022
mkdir -p "${1:-dist}"
dist=$(cd "${1:-dist}" && pwd)
cd "$(dirname "$0")/.."
python=$(pwd)/.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # what, into where; the backend prints much and says little
    "$python" -c 'import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])' \
        "build_$1" "$2" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

exec 9<scripts/package.sh
flock 9 # two at once would write into each other's files
build sdist "$work"
tar -xzf "$work"/mainstay-*.tar.gz -C "$work"
cd "$work"/mainstay-*/
build wheel "$dist"
mv "$work"/mainstay-*.tar.gz "$dist"
ls "$dist"/mainstay-*
