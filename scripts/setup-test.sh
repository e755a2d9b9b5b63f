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

# For bench-agent, which starts one of its own; the package's service would answer for this machine.
install_exporter() {
    scripts/apt-install.sh prometheus-node-exporter || return 1
    systemctl disable --now --quiet prometheus-node-exporter 2>/dev/null || true
}

have_exporter() { command -v prometheus-node-exporter >/dev/null || command -v node_exporter >/dev/null; }

have_exporter || install_exporter ||
    echo 'setup: no node_exporter here: bench-agent needs it; as root: apt-get install prometheus-node-exporter' >&2

have_bmc_simulator() { command -v ipmi_sim >/dev/null && command -v ipmitool >/dev/null; }

have_bmc_simulator || scripts/apt-install.sh openipmi ipmitool ||
    echo 'setup: no BMC simulator here: its tests will be skipped; as root: apt-get install openipmi ipmitool' >&2

# Servers for the probes of storage services: private ones, started by the tests. What a package brings would run as a
# service of this machine, and is switched off where it was not there before.
need_server() { # PROGRAM UNIT PACKAGE...
    (PATH="$PATH:/usr/sbin" && command -v "$1" >/dev/null) && return
    unit=$2
    shift 2
    if scripts/apt-install.sh "$@"; then
        systemctl disable --now --quiet "$unit" 2>/dev/null || true
    else
        echo "setup: no $unit here: its probe is not tested; as root: apt-get install $*" >&2
    fi
}

need_server mariadbd mariadb mariadb-server
need_server redis-server redis-server redis-server
need_server sshd ssh openssh-server
need_server ganesha.nfsd nfs-ganesha nfs-ganesha nfs-ganesha-vfs

# systemd's own writer of journal files, for the kernel's log in the journal
[ -x /lib/systemd/systemd-journal-remote ] || scripts/apt-install.sh systemd-journal-remote ||
    echo 'setup: no systemd-journal-remote here: the journal is not tested; as root: apt-get install systemd-journal-remote' >&2
need_server prometheus prometheus prometheus # and promtool
