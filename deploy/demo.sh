#!/usr/bin/env bash
# Shows the whole path: installs what building needs, builds the release, starts an SMSC simulator and the engine on free
# loopback ports, sends a batch of 100,000 messages and shows what the engine says about them.
#
#   deploy/demo.sh            the demo, ending everything that it started
#   deploy/demo.sh --stay     leaves simulator and engine running until Ctrl-C, to look at pages and metrics
#
# MESSAGES=1000000 changes the size of the batch.
set -euo pipefail
cd "$(dirname "$0")/.."

stay=false
for argument in "$@"; do
  case "$argument" in
    --stay) stay=true ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' deploy/demo.sh; exit 0 ;;
    *) echo "deploy/demo.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done
messages=${MESSAGES:-100000}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Install what building needs"
deploy/deps.sh --build-only

say "2. Build (release)"
log=$(mktemp)
if ! { cmake --preset release && cmake --build --preset release --target trunkline; } >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  echo "deploy/demo.sh: the build failed" >&2
  exit 1
fi
rm -f "$log"
trunkline=$PWD/build/release/trunkline
"$trunkline" --version

dir=$(mktemp -d "${TMPDIR:-/tmp}/trunkline-demo.XXXXXX")
pids=()
finish() {
  local pid
  # The engine first: it says good-bye to the simulator.
  for pid in "${pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || continue
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null || true
  done
}
trap finish EXIT
trap 'exit 130' INT TERM

# A port on which nothing listens.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}
# Waits until something listens on a port, for at most ten seconds.
wait_for_port() { # PORT PID LOG
  for _ in $(seq 200); do
    kill -0 "$2" 2>/dev/null || break
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  echo "deploy/demo.sh: nothing listens on port $1" >&2
  tail -n 20 "$3" >&2
  exit 1
}

say "3. Start an SMSC simulator and the engine"
smsc=$(free_port)
http=$(free_port)
cat >"$dir/trunkline.toml" <<CONFIGURATION
data_dir = "$dir/data"

[spool]
dir = "$dir/spool"

[http]
listen = "127.0.0.1:$http"

[[carrier]]
name = "demo"
host = "127.0.0.1"
port = $smsc
system_id = "demo"
password = "secret"
sessions = 4
window = 100

[[route]]
name = "everything"
to = ["demo"]

[[inbound]]
name = "everything"
to = "all"
CONFIGURATION
"$trunkline" check --config "$dir/trunkline.toml"
"$trunkline" simulator --port "$smsc" >"$dir/simulator.log" 2>&1 &
simulator=$!
pids=("$simulator")
wait_for_port "$smsc" "$simulator" "$dir/simulator.log"
"$trunkline" run --config "$dir/trunkline.toml" >"$dir/engine.log" 2>&1 &
engine=$!
pids=("$engine" "$simulator")
wait_for_port "$http" "$engine" "$dir/engine.log"
echo "simulator: 127.0.0.1:$smsc, engine: http://127.0.0.1:$http, files: $dir"

say "4. Send a batch of $messages messages"
# One in ten is in Cyrillic, one in fifty long, one in a thousand has a mistake.
awk -v n="$messages" 'BEGIN {
  long = sprintf("%200s", ""); gsub(/ /, "long text ", long); long = substr(long, 1, 400)
  for (i = 1; i <= n; ++i) {
    text = i % 50 == 0 ? long : i % 10 == 0 ? "Ваш код " i : "Your code is " i ". It is valid for ten minutes."
    to = i % 1000 == 0 ? "12" : sprintf("49170%07d", i)
    printf "{\"to\":\"%s\",\"id\":\"demo-%d\",\"from\":\"Trunkline\",\"text\":\"%s\"}\n", to, i, text
  }
}' >"$dir/demo.jsonl"
head -n 2 "$dir/demo.jsonl"
begin=$(date +%s%N)
status=0
timeout 300 "$trunkline" send "$dir/demo.jsonl" --config "$dir/trunkline.toml" --watch || status=$?
nanoseconds=$(($(date +%s%N) - begin))
# 3: finished, but the lines with a mistake were not sent, as intended.
if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
  tail -n 20 "$dir/engine.log" >&2
  echo "deploy/demo.sh: send ended with $status" >&2
  exit 1
fi

done_dir=$dir/spool/done
say "5. What became of them"
cat "$done_dir/demo.jsonl.summary.json"
echo
echo "two lines of the report that were sent, and two that were not:"
grep -m 2 '"status":"sent"' "$done_dir/demo.jsonl.report.jsonl" || true
grep -m 2 -v '"status":"sent"' "$done_dir/demo.jsonl.report.jsonl" || true
awk -v n="$messages" -v ns="$nanoseconds" \
  'BEGIN { printf "\n%d messages in %.2f s, from file to finished report: %d messages/s\n", n, ns / 1e9, n * 1e9 / ns }'

say "6. Where to look next"
cat <<NEXT
state of carriers, sessions, batches:  build/release/trunkline status --url http://127.0.0.1:$http   (while it runs: --stay)
metrics for Prometheus:                http://127.0.0.1:$http/metrics
where a message would go, and why:     build/release/trunkline route 491701234567 --config $dir/trunkline.toml
the report, line by line:              $done_dir/demo.jsonl.report.jsonl
the manual:                            docs/README.md, to begin with docs/spool.md and docs/configuration.md
when you have seen enough:             rm -r $dir
NEXT

if $stay; then
  "$trunkline" status --url "http://127.0.0.1:$http"
  printf '\nsimulator and engine are running; Ctrl-C ends both\n'
  wait "$engine"
fi
