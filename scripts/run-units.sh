#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run-units.sh BINARY...: runs cmocka test binaries (and corpus replayers) from the top of the tree
# and adds their results up. The output of a binary is shown when it fails, or with VERBOSE=1. With RERUN=1
# one that fails runs once more, and the second result counts: some look at live interpreters, on machines
# that may be busy.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

count() { # count WORD: sum of the numbers on cmocka's summary lines "[  WORD  ] N test(s)"
	sed -n "s/^\[ *$1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$log" | awk '{ n += $1 } END { print n + 0 }'
}

run() {
	local name=$1 rc=0 p f s
	shift
	timeout 300 "$@" >"$log" 2>&1 || rc=$?
	if [ "$rc" -ne 0 ] && [ -n "${RERUN:-}" ]; then
		printf '%-4s %-28s exit status %d; once more:\n' again "$name" "$rc"
		sed 's/^/     /' "$log"
		rc=0
		timeout 300 "$@" >"$log" 2>&1 || rc=$?
	fi
	p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
	[ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	[ "$rc" -eq 0 ] && [ $((p + f + s)) -eq 0 ] && p=1
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-4s %-28s %d passed, %d failed, %d skipped\n' \
		"$([ "$f" -eq 0 ] && echo ok || echo FAIL)" "$name" "$p" "$f" "$s"
	if [ "$f" -ne 0 ] || [ -n "${VERBOSE:-}" ]; then
		[ "$rc" -gt 1 ] && echo "     exit status $rc"
		sed 's/^/     /' "$log"
	elif [ "$s" -ne 0 ]; then
		grep -i 'skip' "$log" | sort -u | sed 's/^/     /'
	fi
}

for bin in "$@"; do
	name=$(basename "$bin")
	case $name in
	*.replay) corpus=${name#fuzz_} && run "$name" "$bin" "tests/fuzz/corpus/${corpus%.replay}" ;;
	*) run "$name" "$bin" ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
