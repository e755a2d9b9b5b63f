#!/bin/sh
# Make .venv hold what pyproject.toml and constraints.txt ask for. Costs nothing when it already does.
#
#   PYTHON                the Python to use, 3.11 or later; by default the first one that every user can execute,
#                         because training workers run as another user than the agent
#   MAINSTAY_TORCH_INDEX  where torch is looked for besides pip's own sources: PyTorch's CPU builds, or nothing on a
#                         machine with an NVIDIA GPU; set it empty to ask only pip's own sources
set -eu
umask 022
cd "$(dirname "$0")/.."
repository=$(pwd -P)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

executable_of() { "$1" -c 'import os, sys; print(os.path.realpath(sys._base_executable))'; }

# Every folder down to $1 lets other users through, and so does $1 itself.
others_reach() {
    path=$(readlink -f "$1") || return 1
    while [ "$path" != / ]; do
        case $(stat -c %A "$path") in *[xt]) ;; *) return 1 ;; esac
        path=$(dirname "$path")
    done
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or later; name one that is"
        executable_of "$PYTHON"
        return
    fi
    first=
    for candidate in /usr/bin/python3 /usr/bin/python3.1[1-9] /usr/local/bin/python3 /usr/local/bin/python3.1[1-9] \
        python3 python3.11 python3.12 python3.13 python3.14; do
        new_enough "$candidate" || continue
        found=$(executable_of "$candidate")
        if others_reach "$found"; then
            echo "$found"
            return
        fi
        first=${first:-$found}
    done
    [ -n "$first" ] || fail "no Python 3.11 or later found; install one and name it: make PYTHON=/path/to/python3.11"
    echo "$first"
}

require_venv_module() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    scripts/apt-install.sh "$package" || fail "$1 lacks the venv module; as root: apt-get install $package"
}

# The clone itself, or a folder of its own where root's clone lies out of other users' reach (below /root, say).
venv_home() {
    if [ "$(id -u)" -ne 0 ] || others_reach "$repository"; then
        echo "$repository/.venv"
    else
        echo "/opt/mainstay-dev/$(printf %s "$repository" | sha256sum | cut -c1-12)"
    fi
}

# What stands there works, was made for this very place and is of the Python asked for.
usable() {
    new_enough "$1/bin/python" || return 1
    [ "$(readlink -f .venv)" = "$(readlink -f "$1")" ] || return 1
    grep -q "^command = .* $1\$" "$1/pyvenv.cfg" || return 1
    [ -z "${PYTHON:-}" ] || [ "$(executable_of "$1/bin/python")" = "$(executable_of "$PYTHON")" ]
}

make_venv() {
    home=$(venv_home)
    if usable "$home"; then
        return
    fi
    python=$(choose_python)
    require_venv_module "$python"
    say "making $home with $python"
    rm -rf .venv
    "$python" -m venv --clear "$home"
    [ "$home" = "$repository/.venv" ] || ln -s "$home" .venv
}

pip_quietly() {
    command=$1
    shift
    .venv/bin/python -m pip "$command" --quiet --quiet --constraint constraints.txt "$@"
}

have_torch() {
    .venv/bin/python - <<'END'
import importlib.metadata as metadata
import sys

pinned = next(line.split("==")[1].strip() for line in open("constraints.txt") if line.startswith("torch=="))
try:
    sys.exit(metadata.version("torch").split("+")[0] != pinned)
except metadata.PackageNotFoundError:
    sys.exit(1)
END
}

# On its own and first: the extra index is asked for this one file, and not reaching it costs seconds.
fetch_torch() {
    if [ -e /dev/nvidia0 ]; then default=; else default=https://download.pytorch.org/whl/cpu; fi
    index=${MAINSTAY_TORCH_INDEX-$default}
    say "fetching torch (about 200 MB for the CPU build)"
    pip_quietly download --no-deps --dest .venv/wheels \
        ${index:+--retries 1 --timeout 15 --extra-index-url "$index"} torch
}

install_packages() {
    have_torch || fetch_torch
    say "installing what pyproject.toml names, at the versions of constraints.txt"
    pip_quietly install setuptools
    pip_quietly install --find-links .venv/wheels --no-build-isolation --editable '.[postgres,nvidia,tpu,probes,train,dev]'
    rm -rf .venv/wheels
}

stamp() { { echo "$repository ${PYTHON:-}"; cat pyproject.toml constraints.txt scripts/setup.sh; } | sha256sum; }

fresh() { [ -x .venv/bin/python ] && [ "$(cat .venv/mainstay-stamp 2>/dev/null)" = "$(stamp)" ]; }

exec 9<scripts/setup.sh
flock 9 # two make targets at once: the second waits, and finds the work done
fresh && exit 0
export PIP_ROOT_USER_ACTION=ignore
make_venv
install_packages
stamp >.venv/mainstay-stamp
say "done: .venv"
