#!/bin/sh
# PostgreSQL for the store tests, which start private servers of their own: no system cluster is made or started.
# systemd-nspawn and debootstrap for the tests on machines: no machine of the system's own is made.
set -eu
cd "$(dirname "$0")/.."

have_postgres() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

no_cluster=/etc/postgresql-common/createcluster.d/mainstay-setup.conf

install_postgres() {
    scripts/apt-install.sh postgresql-common || return 1
    trap 'rm -f "$no_cluster"' EXIT
    mkdir -p "$(dirname "$no_cluster")"
    echo 'create_main_cluster = false' >"$no_cluster"
    scripts/apt-install.sh postgresql
}

have_postgres || install_postgres ||
    echo 'setup: no PostgreSQL here: its store tests will be skipped; as root: apt-get install postgresql' >&2

have_machines() { command -v systemd-nspawn >/dev/null && command -v debootstrap >/dev/null && command -v ip >/dev/null; }

have_machines || scripts/apt-install.sh systemd-container debootstrap iproute2 ||
    echo 'setup: no machines here: their tests will be skipped; as root: apt-get install systemd-container debootstrap iproute2' >&2
