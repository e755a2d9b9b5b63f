#!/bin/sh
# All tests; arguments are pytest's. Those of machines wait more than they work and go beside the small ones; those
# that start and kill processes by the clock have the machine for themselves.
set -u
cd "$(dirname "$0")/.."
beside=$(mktemp)
trap 'rm -f "$beside"' EXIT

.venv/bin/python -m pytest tests/machines "$@" >"$beside" 2>&1 &
.venv/bin/python -m pytest tests/unit tests/store "$@"
small=$?
wait $!
machines=$?
echo "tests/machines:"
cat "$beside"
.venv/bin/python -m pytest tests/behaviour "$@"
behaviour=$?
for status in $small $machines $behaviour; do
    [ "$status" -eq 0 ] || [ "$status" -eq 5 ] || exit "$status" # 5: -k chose none of these
done
