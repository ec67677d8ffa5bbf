#!/bin/sh
# Prepares a fresh Debian 12 or Ubuntu 24.04 for `make demo` and `make test`: checks the machine, then installs what is
# missing: Debian packages (said aloud), uv into the cache directory, the virtual environment into the work tree.
# Its argument says for what: `check` and `accept` need neither root nor a container, `release` no image of vLLM; nothing said: the
# local cluster.
# Knows nothing of the cluster but what it needs to run. Can be run again at any moment; each failure is one line that
# names the cause and the remedy.
set -eu

ROOT=$(cd "$(dirname "$0")/.." && pwd)
CACHE=${VLLM_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vllm-operator}
LOG=$CACHE/bootstrap.log
MEMORY_MIB=5800 # what a machine sold with 6 GiB shows: two vLLM servers and the cluster
COLD_DISK_MIB=25000 # sources, build caches, binaries, images
WARM_DISK_MIB=4000
KIND_DISK_MIB=12000 # of which the vLLM image and its parts are most
PACKAGES="ca-certificates curl python3-venv debian-archive-keyring iproute2 iptables procps gcc libc6-dev pkg-config libseccomp-dev buildah mmdebstrap"
# The documented client programs of `make test` run by PHP and by Node.js, whichever there is.
[ "${1:-}" != test ] || PACKAGES="$PACKAGES php-cli $(command -v npm >/dev/null || echo nodejs npm)"
# The browser of `make test`; Ubuntu's is a snap, which does not run here, so there the tests that need it are skipped.
[ "${1:-}" != test ] || grep -qs '^ID=ubuntu' /etc/os-release || PACKAGES="$PACKAGES chromium"
UNREACHABLE='dial tcp|resolv|refused|connect|timed out|Could not|Unable to fetch|unreachable|dns error|error sending request'

fail() { # cause, remedy
    echo "error: $1: $2" >&2
    exit 1
}

seconds() { cut -d' ' -f1 /proc/uptime; }

# Runs a command with its output in the log; says how long it has been at it every 15 s, and how long it took.
step() { # title, command...
    title=$1 started=$(seconds)
    shift
    echo "==> $title"
    (while sleep 15 >/dev/null 2>&1 9>&-; do echo "    … $(tail -n1 "$LOG" | cut -c1-100)"; done) &
    ticker=$!
    status=0
    "$@" >"$LOG" 2>&1 </dev/null || status=$?
    kill $ticker
    wait $ticker 2>/dev/null || true
    [ $status != 0 ] || echo "    $title: done in $(echo "$(seconds) $started" | awk '{printf "%.1f", $1 - $2}') s"
    return $status
}

last_error() { grep -E '^E:|rror|×|╰' "$LOG" | tail -n1 | cut -c1-300 | tr -d '\n'; }

check_system() {
    [ "$(uname -s)" = Linux ] || fail "this is $(uname -s), and all of this is built and run on Linux" \
        "use a Linux machine, for example a virtual one with Debian 12"
}

check_architecture() {
    [ "$(uname -m)" = x86_64 ] || fail "this machine is $(uname -m), and the demo's vLLM for the CPU is built for x86-64 alone" \
        "use an x86-64 machine, or install the chart on a cluster that you have"
}

# As dev/provider.py: what CLUSTER names, what brought the cluster up, else kind where an engine answers.
way() {
    if [ -n "${CLUSTER:-}" ]; then
        echo "$CLUSTER"
    elif [ -s "$CACHE/run/provider" ]; then
        cat "$CACHE/run/provider"
    elif docker info >/dev/null 2>&1 || podman info >/dev/null 2>&1; then
        echo kind
    else
        echo embedded
    fi
}

check_root() {
    [ "$(id -u)" = 0 ] || fail "not root, and a cluster needs mounts and network namespaces" "run it as root, for example with sudo"
}

# The limits of all cgroups that this shell is in, and the machine's own memory: the smallest counts.
memory_mib() {
    {
        awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo
        while IFS=: read -r _ controllers group; do
            case ,$controllers, in
            *,memory,*) limits /sys/fs/cgroup/memory memory.limit_in_bytes "$group" ;;
            ,,) limits /sys/fs/cgroup memory.max "$group" && limits /sys/fs/cgroup/unified memory.max "$group" ;;
            esac
        done </proc/self/cgroup
    } | sort -n | head -n1
}

limits() { # mount point, file, group: the limits of the group and of those above it, in MiB
    group=$3
    while :; do
        limit=$(cat "$1$group/$2" 2>/dev/null || echo max)
        [ "$limit" = max ] || awk -v bytes="$limit" 'BEGIN {printf "%d\n", bytes / 1048576}'
        [ -n "$group" ] && [ "$group" != / ] || break
        group=${group%/*}
    done
}

check_memory() {
    found=$(memory_mib)
    [ "$found" -ge $MEMORY_MIB ] || fail "$found MiB of memory, and a cluster with two models needs 6 GiB" \
        "use a larger machine, or raise the limit of this shell's cgroup"
}

make_cache() {
    mkdir -p "$CACHE" 2>/dev/null || fail "the cache directory $CACHE cannot be made" \
        "name another one by VLLM_OPERATOR_CACHE"
}

check_disk() { # MiB while nothing is built yet
    needed=$1
    ! ls -d "$CACHE"/bin/kubernetes-* >/dev/null 2>&1 || needed=$WARM_DISK_MIB
    free=$(df -Pm "$CACHE" | awk 'NR == 2 {print $4}')
    [ "$free" -ge $needed ] || fail "$free MiB free in $CACHE, and $needed MiB are needed" \
        "free some space, or name another directory by VLLM_OPERATOR_CACHE"
}

# What containers do on this machine, tried for real in the cache directory and in namespaces that end with the trial.
check_overlay() {
    trial=$(mktemp -d "$CACHE/overlay.XXXXXX")
    mkdir "$trial/lower" "$trial/upper" "$trial/work" "$trial/merged"
    status=0
    unshare --mount sh -c "mount -t overlay -o lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work none $trial/merged" \
        2>/dev/null || status=$?
    rm -rf "$trial"
    [ $status = 0 ] || fail "overlayfs cannot be mounted in $CACHE" \
        "load the kernel's module overlay, or name a directory on ext4 or xfs by VLLM_OPERATOR_CACHE"
}

check_namespaces() {
    unshare --pid --fork --mount --net --mount-proc true 2>/dev/null ||
        fail "this machine grants no namespaces of its own" "run it outside of a container, or in a privileged one"
}

missing_packages() {
    for package in $PACKAGES; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf '%s ' "$package"
    done
}

apt() { DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=1 "$@"; }

# An interrupted dpkg is finished first: a killed run must not need a hand.
fetch_packages() { # packages...
    dpkg --configure -a
    apt -o APT::Update::Error-Mode=any update
    apt install -y --no-install-recommends "$@"
}

install_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "this is neither Debian nor Ubuntu" "install $missing by hand"
    # shellcheck disable=SC2086 # a list of names
    step "installing Debian packages: $missing" fetch_packages $missing && return 0
    grep -qE 'No space left|enough free space' "$LOG" && fail "the disk is full" "free some space below /var, then run it again"
    grep -qE "$UNREACHABLE" "$LOG" && fail "the Debian mirror cannot be reached ($(last_error))" "check the network and /etc/apt, then run it again"
    fail "apt-get failed ($(last_error))" "see $LOG"
}

python() {
    for candidate in python3 python3.13 python3.12 python3.11; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$candidate" && return 0
    done
    fail "no Python 3.11 or newer" "use Debian 12, Ubuntu 24.04 or newer"
}

install_uv() {
    UV=$(command -v uv) && return 0
    UV=$CACHE/tools/bin/uv
    "$UV" --version >/dev/null 2>&1 && return 0
    step "installing uv into $CACHE" fetch_uv || registry_failure "uv"
}

fetch_uv() { "$(python)" -m venv --clear "$CACHE/tools" && "$CACHE/tools/bin/pip" install --retries 1 --disable-pip-version-check --no-cache-dir --require-hashes -r "$ROOT/images/base/uv.txt"; }

# Made anew where it is broken or of an older Python; uv itself sees what is already installed.
install_environment() {
    export UV_CACHE_DIR="$CACHE/uv" UV_LINK_MODE="${UV_LINK_MODE:-hardlink}" UV_PYTHON_DOWNLOADS=never
    cd "$ROOT"
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        "$UV" venv --quiet --clear --python "$(python)" .venv || fail "no virtual environment in $ROOT/.venv" "see the line above"
    ! cmp -s requirements/dev.txt .venv/installed.txt || return 0
    step "installing Python packages into .venv" "$UV" pip sync --python .venv/bin/python --require-hashes requirements/dev.txt ||
        registry_failure "the Python packages"
    cp requirements/dev.txt .venv/installed.txt
}

registry_failure() { # what was wanted
    grep -q 'No space left' "$LOG" && fail "the disk is full while installing $1" "free some space below $CACHE, then run it again"
    grep -qE "$UNREACHABLE" "$LOG" && fail "the Python package index cannot be reached for $1 ($(last_error))" \
        "check the network, or name an index by UV_DEFAULT_INDEX and PIP_INDEX_URL, then run it again"
    fail "$1 cannot be installed ($(last_error))" "see $LOG"
}

# What needs no root: Python from 3.11 on with what makes a virtual environment. Root on Debian installs what is missing.
check_programs() {
    PACKAGES="ca-certificates curl python3-venv"
    [ "$(id -u)" != 0 ] || ! command -v dpkg-query >/dev/null || install_packages
    python >/dev/null
    command -v uv >/dev/null || "$(python)" -c 'import ensurepip' 2>/dev/null ||
        fail "this Python makes no virtual environments" "sudo apt-get install python3-venv, or install uv"
}

# What a cluster by kind needs: its engine has the rest, root's rights too.
check_kind() {
    check_memory
    check_disk $KIND_DISK_MIB
    check_programs
    command -v curl >/dev/null || fail "curl is missing" "install it, for example by sudo apt-get install curl"
}

# What a cluster without an engine needs of this machine.
check_machine() {
    check_root
    check_memory
    check_disk $COLD_DISK_MIB
    check_namespaces
    check_overlay
    install_packages
}

check_system
began=$(seconds)
make_cache
exec 9>"$CACHE/bootstrap.lock"
flock 9
case ${1:-$(way)} in
accept | check) check_programs ;;
release) if [ "$(way)" = kind ]; then check_kind; else check_machine; fi ;;
kind) check_architecture && check_kind ;;
*) check_architecture && check_machine ;;
esac
install_uv
install_environment
echo "==> this machine is ready ($(echo "$(seconds) $began" | awk '{printf "%.1f", $1 - $2}') s)"
