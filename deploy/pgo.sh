#!/usr/bin/env bash
# Builds build/pgo/trunkline, a release that gcc has optimised by the profile of typical runs: builds it with counters, lets
# it work (short windows and long ones, long messages, receipts, TLS), and builds it again with what they counted.
#
#   deploy/pgo.sh              both builds and the runs between them, some minutes; after deploy/deps.sh
#
# What it gains is in docs/performance.md. The profile belongs to this source and this compiler: run it anew for others.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  "") ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' deploy/pgo.sh; exit 0 ;;
  *) echo "deploy/pgo.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
esac

find build/pgo -name '*.gcda' -delete 2>/dev/null || true
cmake --preset pgo-generate >/dev/null
cmake --build --preset pgo-generate --target trunkline
# The batches are small since counting is slow; each case is a process of its own, which adds to the same counters.
for case in window100 window1000 window10 carriers25 unicode3 receipts inbound tls; do
  bench/end_to_end --case "$case" --messages 200000 --runs 1 --no-raw --binary build/pgo/trunkline >/dev/null
done
cmake --preset pgo >/dev/null
cmake --build --preset pgo --target trunkline
build/pgo/trunkline --version
