#!/usr/bin/env bash
# Our codec and npm's smpp on the same PDUs, one after the other in one run: nanoseconds of CPU a PDU, and how many times ours
# is faster. Only the ratio is worth comparing between machines.
#
#   bench/codec_compare.sh [PROTOCOL_BENCH]     build/ci/bench/protocol_bench unless given
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
bench=${1:-build/ci/bench/protocol_bench}
[ -x "$bench" ] || { echo "bench/codec_compare.sh: no $bench: build the target protocol_bench" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$bench" --benchmark_filter='^(encode_submit_sm/120|decode_submit_sm|decode_submit_sm_resp|decode_deliver_sm)$' \
  --benchmark_min_time=0.3 --benchmark_repetitions=5 --benchmark_format=json >"$folder/ours.json" 2>/dev/null
node bench/codec_compare.js >"$folder/theirs.json"
python3 - "$folder" <<'PYTHON'
import json, sys
ours = {}
for run in json.load(open(sys.argv[1] + "/ours.json"))["benchmarks"]:
    if run["run_type"] == "iteration":
        ours[run["run_name"]] = min(run["cpu_time"], ours.get(run["run_name"], float("inf")))
theirs = json.load(open(sys.argv[1] + "/theirs.json"))
print("| ns a PDU, best of 5 | ours | npm smpp | ratio |\n|---|---|---|---|")
for name, time in theirs.items():
    print(f"| {name.replace('/120', ', 120 octets of text').replace('_', ' ', 1)} | {ours[name]:.1f} | {time:,.0f} | {time / ours[name]:,.0f} |")
PYTHON
