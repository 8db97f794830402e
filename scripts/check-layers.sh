#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Include direction: discover -> trace -> decode -> write. A file of user/ may include its own stage,
# an earlier one, bpf/vtbpf.h and the base headers in user/; decode/ and write/ include neither
# trace/ nor libbpf; only the drivers in user/ may include every stage.
#
# check-layers.sh [DIR]: prints FILE:LINE for every wrong include. --self-test proves that it would.
set -u

check() { # check DIR: fails when a file under DIR includes what it may not
	local dir=$1
	find "$dir/user" "$dir/bpf" -name '*.[ch]' | sort | xargs -r awk -v top="$dir/" '
	function fail(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, $2, why; bad = 1 }
	function is_driver(path) { return path ~ /^user\/(main|convert(_[a-z]+)?|combine|cmd_[a-z_]+)\.c$/ }
	BEGIN {
		rank["discover"] = 1; rank["trace"] = 2; rank["decode"] = 3; rank["write"] = 4
	}
	FNR == 1 {
		path = substr(FILENAME, length(top) + 1)
		n = split(path, part, "/")
		stage = part[1] == "user" && n == 3 ? part[2] : part[1] == "user" ? "base" : "bpf"
		if (part[1] == "user" && n > 2 && !(stage in rank)) {
			printf "%s:1: user/%s is no stage\n", FILENAME, stage; bad = 1
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*<bpf\// && (stage == "decode" || stage == "write" || stage == "discover") {
		fail("only trace/ may use libbpf")
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		file = $0; sub(/^[^"]*"/, "", file); sub(/".*/, "", file)
		if (file ~ /\.skel\.h$/) {
			if (stage != "trace") fail("only trace/ may use the skeleton")
			next
		}
		# Resolve the relative path against the directory of the including file.
		depth = n - 1
		for (i = 1; i < n; i++) at[i] = part[i]
		m = split(file, piece, "/")
		for (i = 1; i <= m; i++) {
			if (piece[i] == "..") depth--
			else if (piece[i] != ".") at[++depth] = piece[i]
		}
		into = at[1] == "user" && depth == 3 ? at[2] : at[1] == "user" ? "base" : at[1]
		if (stage == "bpf") {
			if (into == "base" || into in rank) fail("the BPF side may not include user/")
		} else if (into == "bpf") {
			if (at[2] != "vtbpf.h") fail("only bpf/vtbpf.h is shared with the BPF side")
		} else if (into in rank) {
			if (stage == "base" && !is_driver(path) && path !~ /\.h$/)
				fail("a base file may not include a stage")
			else if (stage == "base" && path ~ /\.h$/)
				fail("a base header may not include a stage")
			else if (stage in rank && rank[into] > rank[stage])
				fail("a later stage")
			else if (into == "trace" && (stage == "decode" || stage == "write"))
				fail("decode/ and write/ work without the kernel")
		}
	}
	END { exit bad }'
}

self_test() { # a tree with one wrong include of each kind must be caught, a right one must pass
	local dir wrong=0 file include
	dir=$(mktemp -d) || return 1
	mkdir -p "$dir"/user/{discover,trace,decode,write} "$dir/bpf"
	while read -r verdict file include; do
		rm -f "$dir"/user/*.c "$dir"/user/*/*.c "$dir"/bpf/*.c
		echo "#include $include" >"$dir/$file"
		if check "$dir" >/dev/null; then got=right; else got=wrong; fi
		if [ "$got" != "$verdict" ]; then
			echo "check-layers.sh: self-test: $file including $include counts as $got"
			wrong=1
		fi
	done <<-'END'
		right user/trace/tracer.c "../discover/probe_plan.h"
		right user/trace/tracer.c "vtbpf.skel.h"
		right user/trace/tracer.c <bpf/libbpf.h>
		right user/write/chrome.c "../decode/decoder.h"
		right user/write/chrome.c "../../bpf/vtbpf.h"
		right user/write/chrome.c "../log.h"
		right user/write/chrome.c "writer.h"
		right user/main.c "trace/tracer.h"
		right user/convert.c "write/writer.h"
		wrong user/log.c "write/writer.h"
		wrong user/discover/target.c "../trace/tracer.h"
		wrong user/discover/target.c "../decode/decoder.h"
		wrong user/decode/decoder.c "../write/writer.h"
		wrong user/decode/decoder.c "../trace/tracer.h"
		wrong user/decode/decoder.c <bpf/libbpf.h>
		wrong user/write/chrome.c "vtbpf.skel.h"
		wrong user/write/chrome.c "../../bpf/maps.bpf.h"
		wrong bpf/vtbpf.bpf.c "../user/log.h"
	END
	rm -rf "$dir"
	return $wrong
}

if [ "${1:-}" = --self-test ]; then
	self_test
else
	check "${1:-.}"
fi
