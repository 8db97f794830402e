#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `sudo make test` does: installs what is missing, builds, and runs everything there is to run.
# The last line is the sum: "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"; scripts/fix-owner.sh build tests' EXIT

# stage TITLE COMMAND...: adds up the command's own summary line, or counts it as one test.
stage() {
	local title=$1 rc begin=$SECONDS sum
	shift
	echo
	echo "== $title"
	"$@" </dev/null 2>&1 | tee "$log"
	rc=$?
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
	if [ -n "$sum" ]; then
		read -r p _ f _ s _ <<<"$sum"
	else
		p=$((rc == 0)) f=0 s=0
	fi
	[ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	echo "-- $title: $p passed, $f failed, $s skipped, $((SECONDS - begin)) s"
	return $rc
}

finish() {
	echo
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

jobs=$(nproc)
# A warning of a compiler that nobody has tried yet must not keep a user from the program.
[ -n "${CI:-}" ] && export WERROR=1
echo "== Dependencies"
scripts/install-deps.sh --test || exit 1
stage "Build" make -j"$jobs" all || finish
stage "Tree: include direction, documents" scripts/lint.sh --portable
installed() { # make install puts everything under DESTDIR and uninstall takes it away again
	local dir rc=0
	dir=$(mktemp -d) || return 1
	make install DESTDIR="$dir" PREFIX=/usr && "$dir/usr/bin/vtbpf" --version &&
		[ "$(find "$dir" -type f | wc -l)" -eq 7 ] || rc=1
	make uninstall DESTDIR="$dir" PREFIX=/usr && [ "$(find "$dir" -type f | wc -l)" -eq 0 ] || rc=1
	rm -rf "$dir"
	return $rc
}

stage "Install and uninstall" installed
stage "Packages" make -j"$jobs" check-packages
if [ "$(id -u)" = 0 ]; then
	echo
	echo "== More interpreters"
	scripts/fetch-pythons.sh # without them tests are skipped, and say so
fi
make -j"$jobs" -k units >/dev/null 2>&1
export RERUN=1
stage "Unit tests" make check
make -j"$jobs" -k SAN=1 units >/dev/null 2>&1
stage "Unit tests with AddressSanitizer and UBSan" make check-san
if [ "$(id -u)" = 0 ]; then
	stage "BPF programs" make check-bpf
	stage "End to end" make check-e2e E2E="--rerun 12"
	stage "Faults" make check-faults FAULTS=--short
	stage "Browsers and readers" make check-browser E2E="--rerun 3"
else
	echo
	echo "BPF, end-to-end and browser tests need root: sudo make test"
	skipped=$((skipped + 1))
fi
finish
