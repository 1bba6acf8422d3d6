#!/usr/bin/env bash
# Trunkline beside what a user can install: npm's smpp (one write a PDU, and corked) and Debian's Kannel. All of them send the
# same text to `trunkline simulator` with the same sessions and windows, one after the other in one run; prints a Markdown
# table with ratios and writes JSON. Only ratios of one run are worth comparing. See --help for the options.
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 bench/compare.py "$@"
