#!/usr/bin/env bash
# Installs what building Trunkline, and testing it, needs on Debian 12. As root, or with sudo. Quick when everything is
# there: then nothing is downloaded and no package list is fetched.
#
#   deploy/deps.sh               building and testing
#   deploy/deps.sh --build-only  building and running only
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=true
for argument in "$@"; do
  case "$argument" in
    --build-only) with_tests=false ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "deploy/deps.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done

packages=(
  g++ cmake ninja-build ccache lld
  libasio-dev libconcurrentqueue-dev prometheus-cpp-dev libcivetweb-dev libcurl4-openssl-dev
  libexpected-dev libtomlplusplus-dev libcli11-dev libsimdjson-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
  libssl-dev zlib1g-dev libzstd-dev libre2-dev libhowardhinnant-date-dev libphonenumber-dev
)
if $with_tests; then
  packages+=(
    libgtest-dev libgmock-dev libbenchmark-dev
    clang-19 libclang-rt-19-dev clang-format clang-tidy-19 gcovr
    python3 tshark kannel strace valgrind faketime curl openssl stunnel4 socat ca-certificates util-linux
  )
  # Debian's own node, unless the machine has one from elsewhere (whose package brings npm and excludes Debian's).
  command -v node >/dev/null || packages+=(nodejs)
  command -v npm >/dev/null || packages+=(npm)
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deploy/deps.sh: run me as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  # Kannel's package would start a gateway of its own; the tests start theirs. A policy that is there already stays.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
  fi
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -qq
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  log=$(mktemp)
  if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    echo "deploy/deps.sh: installing failed (whole log: $log)" >&2
    exit 1
  fi
  rm -f "$log"
else
  echo "all ${#packages[@]} packages are installed"
fi

if $with_tests; then
  # SMPP stacks from npm for tests/interop, exactly as package-lock.json names them.
  lock=tests/interop/package-lock.json
  stamp=tests/interop/node_modules/.installed
  wanted=$(sha256sum "$lock" | cut -d' ' -f1)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "installing the node packages of tests/interop"
    (cd tests/interop && npm ci --no-audit --no-fund --loglevel=error)
    echo "$wanted" >"$stamp"
  fi
fi
