#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run-fuzz.sh SECONDS BINARY...: runs libFuzzer binaries, each on a scratch copy of its corpus.
# A crashing input is kept under build/fuzz/crashes/.
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=$1
shift
crashes=build/fuzz/crashes
mkdir -p "$crashes" || exit 1

passed=0 failed=0
for bin in "$@"; do
	name=$(basename "$bin")
	work=$(mktemp -d) || exit 1
	seeds=tests/fuzz/corpus/${name#fuzz_}
	[ -d "$seeds" ] || seeds=
	log=build/fuzz/$name.log
	if "$bin" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$crashes/$name-" "$work" ${seeds:+"$seeds"} >"$log" 2>&1; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "ok   $name: ${runs:-?} inputs in $seconds s"
	else
		failed=$((failed + 1))
		echo "FAIL $name: see $log and $crashes/"
		tail -n 25 "$log" | sed 's/^/     /'
	fi
	rm -rf "$work"
done
scripts/fix-owner.sh build
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
