# shellcheck shell=bash
# Sourced by the other scripts: finds a Python, makes the project's environment in .venv and installs
# the locked packages into it. Everything is said on stderr, so that a command's own output stays clean.

# Compiled modules are kept, whatever the machine says: without them each start compiles three
# hundred modules anew, and each process of pytest rewrites all tests.
unset PYTHONDONTWRITEBYTECODE

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# Runs a command and shows what it printed only when it fails.
quietly() {
    local output status=0
    output=$("$@" 2>&1) || status=$?
    if ((status)); then
        printf '%s\n' "$output" >&2
    fi
    return "$status"
}

# Runs a command with the administrator's rights, which are asked for when they are needed.
administrator() {
    if ((EUID == 0)); then
        "$@"
    else
        command -v sudo >/dev/null || die "please run as root: $*"
        sudo "$@"
    fi
}

# Ends with what is to be done by hand where Debian's packages cannot be installed from here.
may_install() {
    command -v apt-get >/dev/null || die "please install: $*"
    ((EUID == 0)) || command -v sudo >/dev/null ||
        die "please run as root: apt-get install --no-install-recommends $*"
}

# Installs Debian packages.
install_debian() {
    may_install "$@"
    say "Installing Debian's $*"
    local -a apt=(administrator env DEBIAN_FRONTEND=noninteractive apt-get -qq)
    quietly "${apt[@]}" update || say "apt-get update failed; using the lists at hand"
    quietly "${apt[@]}" install -y --no-install-recommends "$@" || die "could not install: $*"
}

# Installs what mypyc's C needs: a compiler, and the headers of the Python of .venv.
need_compiler() {
    local -a packages=()
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    "$venv/bin/python" -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' ||
        packages+=("$("$venv/bin/python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')")
    ((${#packages[@]} == 0)) || install_debian "${packages[@]}"
}

# supported PYTHON [MODULE]: whether that interpreter runs, is of a version we support and has MODULE.
supported() {
    "$1" -c "import sys, ${2:-sys}; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" \
        >/dev/null 2>&1
}

# The system's come first: they are built with the optimizations that other builds often lack, and
# the tests take a fifth less. PJSIP has no wheel for Python 3.13, so an older one comes before.
find_python() {
    local candidate module
    for candidate in /usr/bin/python3.{11,12,13} python3.{11,12,13} python3; do
        # One of the system's without ensurepip wants another package of Debian, and is not worth it.
        module=sys
        [[ $candidate != /* ]] || module=ensurepip
        if supported "$candidate" "$module"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "callrouter needs Python 3.11, 3.12 or 3.13 and found none of them"
}

# make_venv PYTHON
make_venv() {
    local python=$1
    # Debian keeps ensurepip, without which venv fails half-way, in a package of its own.
    if ! supported "$python" ensurepip; then
        install_debian "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    say "Making the environment in .venv with $("$python" -V)"
    quietly "$python" -m venv --clear "$venv" || die "could not make $venv"
}

pip_install() {
    quietly "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" ||
        die "pip could not install what callrouter needs"
}

# environment LOCK [PYTHON]: .venv holds exactly LOCK's packages and callrouter itself, editable. Does
# nothing when nothing changed since the last time: neither the lock, pyproject.toml, the Python nor
# the place. PYTHON: an interpreter, left out the first that is supported.
environment() {
    local lock=$root/$1 stamp=$venv/.installed-$1 python wanted
    if ! supported "$venv/bin/python" pip; then
        python=${2:-$(find_python)} || exit
        make_venv "$python"
    fi
    wanted=$({
        printf '%s\n' "$root"
        "$venv/bin/python" -V
        cat "$lock" "$root/pyproject.toml"
    } | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        return
    fi
    say "Installing the packages of $1"
    # The lock names every package there is to install. Without --no-deps pip resolves anew, and asks
    # for a newer release wherever a package wants an extra that the lock does not spell out.
    pip_install --no-deps --require-hashes --only-binary :all: --requirement "$lock"
    pip_install --no-deps --no-build-isolation --editable "$root"
    quietly "$venv/bin/python" -m pip --disable-pip-version-check check ||
        die "$1 does not hold all that callrouter needs: run scripts/lock"
    printf '%s\n' "$wanted" >"$stamp"
}
