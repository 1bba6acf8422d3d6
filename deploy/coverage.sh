#!/usr/bin/env bash
# Measures how much of protocol/ its unit tests reach, and fails below the share of branches that is asked for.
#
#   deploy/coverage.sh [PERCENT]     95 unless said otherwise
#
# Builds protocol_tests alone, without optimisation, in build/coverage, runs it once and asks gcovr. Branches that only
# exceptions take are left out (protocol/ throws nothing: the compiler adds them around std::string and std::vector), and
# so are those that the compiler itself found unreachable. JOBS bounds the compiler processes.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
least=${1:-95}
build=build/coverage

mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DTRUNKLINE_BENCH=OFF \
  -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g0 --coverage -fprofile-abs-path -fno-exceptions -DJSON_NOEXCEPTION" >"$build/configure.log" 2>&1 ||
  { tail -n 40 "$build/configure.log" >&2; exit 1; }
cmake --build "$build" --target protocol_tests -j "${JOBS:-$(nproc)}" >"$build/build.log" 2>&1 ||
  { tail -n 40 "$build/build.log" >&2; exit 1; }
find "$build" -name '*.gcda' -delete
"$build/tests/protocol_tests" --gtest_brief=1 >"$build/tests.log" 2>&1 || { tail -n 40 "$build/tests.log" >&2; exit 1; }

# protocol/ and nothing else: tests, the standard library and whatever else is compiled in do not count.
gcovr --root . --filter 'protocol/' --object-directory "$build" --exclude-throw-branches --exclude-unreachable-branches \
  --branches --txt "$build/branches.txt" --json-summary "$build/summary.json" --json-summary-pretty \
  --fail-under-branch "$least" "$build" || { tail -n +5 "$build/branches.txt"; echo "branches: less than $least %" >&2; exit 1; }
cat "$build/branches.txt"
