#!/usr/bin/env bash
# Installs, builds and passes every test, from a clean clone on a machine where nothing is installed.
#
#   deploy/test.sh                  all stages
#   deploy/test.sh unit tsan        only these stages
#
# Stages, in this order:
#   deps      install what building and testing need (deploy/deps.sh); always runs
#   format    clang-format leaves every source as it is
#   unit      ci build with -Werror; unit, system and interop tests
#   fuzz      clang build of every decoder, then every fuzz target for FUZZ_SECONDS (30 those of protocol/, 15 the others) from SEED
#   coverage  branches of protocol/ that its unit tests reach: at least 95 %
#   tidy      clang-tidy-19's coroutine checks over every coroutine (and the rest of .clang-tidy as advice)
#   bench     every benchmark for a moment, and a quick end_to_end that must reach a generous share of the raw ceiling
#   cost      instructions a message takes, by callgrind, within the bounds of bench/instructions.bounds
#   asan      AddressSanitizer and UndefinedBehaviorSanitizer: unit tests and four system tests
#   tsan      ThreadSanitizer: the engine's unit tests and two system tests (the simulated world is one thread: left out)
#
# A stage that fails does not keep the others from running; the script ends with 1 then. Times are printed at the end.
# The last line counts ctest's tests over all builds, fuzz runs and checks.
set -euo pipefail
cd "$(dirname "$0")/.."
script=$PWD/deploy/test.sh

all_stages=(format unit fuzz coverage tidy bench cost asan tsan)
results=build/test-results
jobs=$(nproc)

say() { printf '\n=== %s\n' "$*"; }
die() { printf 'deploy/test.sh: %s\n' "$*" >&2; exit 1; }

# Notes what happened for the total of the last line.
count() { echo "$1 $2 ${3:-0}" >>"$results/counts"; }

build() { # PRESET [TARGET...]
  local preset=$1
  shift
  local log="$results/build-$preset.log" targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  cmake --preset "$preset" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "configuring $preset failed"; }
  cmake --build --preset "$preset" -j "$jobs" "${targets[@]}" >>"$log" 2>&1 ||
    { grep -E -A12 'error|FAILED' "$log" | head -n 120 >&2; die "building $preset failed (whole log: $log)"; }
  echo "built $preset"
}

# Runs ctest in the build of a preset; counts tests from its own result file.
run_ctest() { # PRESET [CTEST OPTION...]
  local preset=$1 status=0 xml passed
  shift
  xml="$PWD/$results/ctest-$preset-$(date +%s%N).xml"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --output-junit "$xml" "$@" || status=$?
  attribute() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$xml" | head -n 1; }
  if [ -s "$xml" ]; then
    local tests failures skipped disabled
    tests=$(attribute tests) failures=$(attribute failures) skipped=$(attribute skipped) disabled=$(attribute disabled)
    passed=$((tests - failures - skipped - disabled))
    count "$passed" "$failures" "$((skipped + disabled))"
  else
    count 0 1
  fi
  return "$status"
}

targets_of() { # PRESET REGEX: names of targets in a configured build
  ninja -C "build/$1" -t targets all | sed -n "s/^\($2\): phony\$/\1/p" | grep -v '^cmake_' | sort -u
}

stage_deps() { deploy/deps.sh; }

stage_format() {
  local sources
  mapfile -t sources < <(find bench engine protocol router tests \( -name '*.cpp' -o -name '*.hpp' \) -not -path '*/node_modules/*' | sort)
  if clang-format --dry-run -Werror "${sources[@]}"; then
    echo "${#sources[@]} files are formatted"
    count 1 0
  else
    count 0 1
    die "run clang-format -i on the files above"
  fi
}

stage_unit() {
  build ci
  run_ctest ci -j "$jobs"
}

stage_asan() {
  build asan-ubsan
  export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
  local status=0
  CRASH_STRIDE=17 CRASH_SEEDS=60 run_ctest asan-ubsan -j "$jobs" -LE process || status=$?
  TIMEOUT_SCALE=4 JOB_LINES=3000 run_ctest asan-ubsan -R '^system_(main_job|bad_input|configuration|sessions)_test$' || status=$?
  return "$status"
}

stage_tsan() {
  # ThreadSanitizer of g++ 12 does not know the wider address randomisation of newer kernels.
  if [ -z "${RANDOMISATION_OFF:-}" ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    RANDOMISATION_OFF=1 exec setarch "$(uname -m)" -R bash "$script" --stage tsan
  fi
  cmake --preset tsan >/dev/null
  local targets status=0
  mapfile -t targets < <(targets_of tsan 'engine_[a-z]*_tests' | grep -v assembly)
  build tsan "${targets[@]}" trunkline
  export TSAN_OPTIONS="halt_on_error=1:suppressions=$PWD/tests/system/tsan.supp"
  run_ctest tsan -j "$jobs" -R '^engine_.*_tests$' -E assembly || status=$?
  TIMEOUT_SCALE=6 JOB_LINES=2000 run_ctest tsan -R '^system_(main_job|sessions)_test$' || status=$?
  return "$status"
}

stage_fuzz() {
  cmake --preset fuzz >/dev/null
  local targets seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
  mapfile -t targets < <(targets_of fuzz '[a-z0-9_]*_fuzz')
  [ ${#targets[@]} -gt 0 ] || die "there is no fuzz target"
  build fuzz "${targets[@]}"
  fuzz_one() { # TARGET SEED
    local name=$1 seed=$2 seconds=30 binary corpus="build/fuzz/corpus/$1" found="build/fuzz/found/$1" log
    ! grep -q '#include "engine/' "tests/fuzz/$name.cpp" || seconds=15
    seconds=${FUZZ_SECONDS:-$seconds}
    log="$results/fuzz-$name.log"
    binary=$(find build/fuzz -type f -name "$name" -perm -u+x | head -n 1)
    mkdir -p "$corpus" "$found"
    local seeds=()
    [ ! -d "tests/data/corpus/$name" ] || seeds=("tests/data/corpus/$name")
    if timeout $((seconds + 120)) "$binary" -max_total_time="$seconds" -seed="$seed" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
      -artifact_prefix="$found/" "$corpus" "${seeds[@]}" >"$log" 2>&1; then
      printf 'PASS %-32s seed %s, %s executions\n' "$name" "$seed" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
      count 1 0
    else
      printf 'FAIL %-32s seed %s (%s, inputs in %s)\n' "$name" "$seed" "$log" "$found"
      tail -n 30 "$log"
      count 0 1
      return 1
    fi
  }
  export -f fuzz_one count
  export results
  printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c "set -euo pipefail; fuzz_one {} $seed"
}

stage_coverage() {
  if deploy/coverage.sh 95; then count 1 0; else count 0 1; return 1; fi
}

stage_tidy() {
  [ -f build/ci/compile_commands.json ] || cmake --preset ci >/dev/null
  local sources
  mapfile -t sources < <(grep -rl --include='*.cpp' -E 'co_(await|return|yield)' engine bench 2>/dev/null | sort)
  [ ${#sources[@]} -gt 0 ] || { echo "no coroutines"; return 0; }
  if printf '%s\n' "${sources[@]}" |
    xargs -P "$jobs" -n 1 timeout 300 clang-tidy-19 --quiet -p build/ci \
      --extra-arg=-Wno-unknown-warning-option --extra-arg=-DASIO_HAS_CO_AWAIT --extra-arg=-DASIO_HAS_STD_COROUTINE >"$results/tidy.log" 2>"$results/tidy.err"; then
    echo "${#sources[@]} coroutine sources pass"
    count 1 0
  else
    grep -E -A6 'error:' "$results/tidy.log" | head -n 80 >&2 || tail -n 40 "$results/tidy.err" >&2
    count 0 1
    die "clang-tidy found faults (whole log: $results/tidy.log)"
  fi
}

stage_bench() {
  build ci
  local bench found=0
  while read -r bench; do
    case "$(basename "$bench")" in
      *_bench)
        timeout 120 "$bench" --benchmark_min_time=0.05 || { count 0 1; die "$bench failed"; }
        count 1 0
        found=1
        ;;
    esac
  done < <(find build/ci/bench -maxdepth 1 -type f -perm -u+x | sort)
  [ "$found" = 1 ] || die "there is no benchmark"
  # A floor far below what it reaches on a loaded machine (a tenth and more): this finds what became several times slower.
  if timeout 200 bench/end_to_end --messages 300000 --runs 3 --ratio-at-least 0.04 --binary build/ci/trunkline; then count 1 0; else count 0 1; die "far from the raw ceiling"; fi
  if timeout 300 bench/end_to_end --quick --case window100,receipts,inbound --binary build/ci/trunkline; then count 1 0; else count 0 1; die "end_to_end failed"; fi
}

stage_cost() {
  build ci instruction_paths
  if timeout 120 bench/instructions --binary build/ci/bench/instruction_paths; then count 1 0; else count 0 1; die "a message costs more instructions"; fi
}

case "${1:-}" in
  --stage) "stage_$2"; exit ;;
  -h | --help) sed -n '2,24s/^# \{0,1\}//p' "$script"; exit 0 ;;
esac

stages=("$@")
[ $# -gt 0 ] || stages=("${all_stages[@]}")
for stage in "${stages[@]}"; do
  [[ " deps ${all_stages[*]} " == *" $stage "* ]] || { echo "deploy/test.sh: no stage $stage (see --help)" >&2; exit 2; }
done

rm -rf "$results"
mkdir -p "$results"
: >"$results/counts"
summary=() failed=0 begin=$SECONDS
for stage in deps "${stages[@]}"; do
  say "$stage"
  start=$SECONDS verdict=passed
  # A process of its own: inside a condition the shell would ignore errors in the stage's functions.
  bash "$script" --stage "$stage" || { verdict=FAILED; failed=1; }
  summary+=("$(printf '%-8s %-7s %5d s' "$stage" "$verdict" $((SECONDS - start)))")
  if [ "$stage" = deps ] && [ "$failed" = 1 ]; then break; fi
done

say "stages"
printf '%s\n' "${summary[@]}" "$(printf '%-8s %-7s %5d s' all "" $((SECONDS - begin)))"
awk -v stages_failed="$failed" '{ passed += $1; failed += $2; skipped += $3 }
  END { if (stages_failed && !failed) failed = 1
        printf "\n%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : "" }' "$results/counts"
exit "$failed"
