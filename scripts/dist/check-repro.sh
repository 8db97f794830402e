#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the newest commit in two other directories, as different users would (umask, locale, time
# zone, number of jobs), and compares what comes out byte by byte.
set -euo pipefail
cd "$(dirname "$0")/../.."
SOURCE_DATE_EPOCH=$(scripts/dist/epoch.sh)
export SOURCE_DATE_EPOCH CCACHE_DISABLE=1 # one result for both would prove nothing
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
one=$work/one two=$work/another/directory
targets=(all static sbom)
if command -v dpkg-shlibdeps >/dev/null; then targets+=(deb); fi

unpack() {
	mkdir -p "$1"
	git archive HEAD | tar x -C "$1"
}

unpack "$one"
unpack "$two"
(umask 022 && export LC_ALL=C TZ=UTC && make -C "$one" -j2 "${targets[@]}") >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log"; exit 1; }
(umask 077 && export LC_ALL=C.UTF-8 TZ=Asia/Tokyo HOME=/nowhere && make -C "$two" -j1 "${targets[@]}") \
	>"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
passed=0 failed=0
for file in vtbpf vtbpf-static vtbpf.linked.o vtbpf_old.linked.o vtbpf.spdx.json vtbpf-static.spdx.json \
	$(cd "$one/build" && find dist -type f 2>/dev/null); do
	if cmp "$one/build/$file" "$two/build/$file"; then
		passed=$((passed + 1))
		(cd "$one/build" && sha256sum "$file")
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
