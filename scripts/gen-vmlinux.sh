#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Compares the hand-kept vmlinux/vmlinux.h with the running kernel's BTF (or another one's: a file
# given as argument) and prints every drift. Fails when a type or a field is missing there; a
# different type or, where CO-RE does not relocate, a different offset is shown too.
set -euo pipefail
cd "$(dirname "$0")/.."

btf=${1:-/sys/kernel/btf/vmlinux}
bpftool=${BPFTOOL:-$(scripts/find-bpftool.sh)}
clang=${CLANG:-clang}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ ! -r "$btf" ]; then
	echo "gen-vmlinux.sh: $btf: not there; this kernel has no BTF" >&2
	exit 1
fi
case $(uname -m) in
x86_64) arch=x86 registers=x86_64 ;;
aarch64) arch=arm64 registers=arm64 ;;
*) echo "gen-vmlinux.sh: no register layout for $(uname -m) in vmlinux/" >&2; exit 1 ;;
esac

# A global of every struct puts all of them into the object's BTF.
{
	echo '#include "vmlinux.h"'
	cat vmlinux/vmlinux.h vmlinux/$registers.h |
		sed -n 's/^struct \([a-z_0-9]*\) {.*/struct \1 vtbpf_use_\1;/p' | sort -u
} >"$tmp/use.c"
"$clang" -target bpf -g -O2 -D__TARGET_ARCH_$arch -Ivmlinux -c "$tmp/use.c" -o "$tmp/use.o"
"$bpftool" -j btf dump file "$tmp/use.o" >"$tmp/ours.json"
"$bpftool" -j btf dump file "$btf" >"$tmp/kernel.json"
python3 scripts/btf_drift.py "$tmp/ours.json" "$tmp/kernel.json"
