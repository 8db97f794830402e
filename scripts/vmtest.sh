#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vmtest.sh [-k REGEX] [KERNEL...]: the tests of the BPF programs and end-to-end tests on Debian's kernels
# 5.10, 6.1, 6.12 and the newest 7 (all of them unless some are named), each in a virtual machine. Needs no
# disk and no network; where the processor cannot help it is emulated, which takes minutes a kernel.
#
# The machine's memory holds Debian 12's root with Python 3.11, made by scripts/fetch-pythons.sh, this
# tree's static vtbpf and its tests. What is fetched is kept in $VTBPF_PYTHON_CACHE, else
# /var/cache/vtbpf-pythons. 'make check-vm' builds what is needed first.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/apt-private.sh

CACHE=${VTBPF_PYTHON_CACHE:-/var/cache/vtbpf-pythons}
VTBPF=build/vtbpf-static
BPF_TESTS='test_hot_path test_samples test_stack_depth test_thread_names test_tracer'
CASES='^(exact_calls|recursion|attach_midrun|vtbpf_killed|min_duration|only_thread)$'
SECONDS_MAX=1500 # for one machine
MEMORY=2048
# QEMU before version 8 computes wrong flags for cmpxchg16b, which newer kernels use where there is one.
MACHINE=(-accel 'tcg,thread=multi' -cpu 'max,-cx16')
if [ -w /dev/kvm ] && grep -Eqw 'vmx|svm' /proc/cpuinfo; then
	MACHINE=(-accel kvm -cpu host)
fi

say() {
	echo "vmtest.sh: $*" >&2
}

need() { # need TOOL PACKAGE
	command -v "$1" >/dev/null && return
	say "there is no $1: apt-get install $2"
	exit 3
}

# From 6.19 on the image is in a package of another name.
package_of() { # package_of KERNEL: suite, and what the package is called
	case $1 in
	5.10) echo bullseye 'linux-image-5\.10\.0-[0-9]+-cloud-amd64' ;;
	6.1) echo bookworm 'linux-image-6\.1\.0-[0-9]+-cloud-amd64' ;;
	6.12) echo trixie 'linux-image-6\.12\..*-cloud-amd64' ;;
	7) echo sid 'linux-binary-7\..*-cloud-amd64' ;;
	esac
}

fetch_kernel() { # fetch_kernel KERNEL FILE
	local suite name package deb part="$2.part"
	read -r suite name < <(package_of "$1")
	apt_private_open "$CACHE/apt" "$suite" || return 1
	package=$(apt_private apt-cache pkgnames linux- | grep -E "^$name\$" | sort -V | tail -n 1)
	[ -n "$package" ] || return 1
	(cd "$APT_STATE/archives" && apt_private apt-get download "$package" >/dev/null) || return 1
	deb=$(find "$APT_STATE/archives" -maxdepth 1 -name "${package}_*.deb" | sort -V | tail -n 1)
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards --no-anchored 'vmlinuz*' >"$part" &&
		mv "$part" "$2"
}

write_init() { # write_init ROOT REGEX
	cat >"$1/init" <<-INIT
		#!/usr/bin/busybox sh
		/usr/bin/busybox --install -s /usr/bin
		mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
		mkdir -p /dev/pts /dev/shm
		mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
		mount -t tmpfs tmp /tmp; mount -t tmpfs run /run; mount -t bpf bpf /sys/fs/bpf
		ip link set lo up
		export PATH=/usr/local/bin:/usr/bin:/usr/sbin HOME=/root
		cd /root
		uname -sr
		failed=0
		export VTBPF_TEST_PYTHON=/usr/bin/python3.11 VTBPF_TEST_PATIENCE=240
		for t in $BPF_TESTS; do
			word=ok
			./lib/ld-linux-x86-64.so.2 --library-path lib bpf/\$t >/tmp/\$t.log 2>&1 || word=FAIL failed=1
			echo "\$word   \$t"
			grep -v -e ' RUN  ' -e ' OK ' /tmp/\$t.log
		done
		python3.11 tests/e2e/run.py --jobs 1 --vtbpf /root/vtbpf -k '$2' --limit 300 || failed=1
		echo "status \$failed"
		poweroff -f
	INIT
	chmod +x "$1/init"
}

# They are linked to this machine's libraries, which go with them, the loader included.
add_bpf_tests() { # add_bpf_tests DIRECTORY
	local test lib

	mkdir "$1/bpf" "$1/lib"
	for test in $BPF_TESTS; do
		cp "build/tests/bpf/$test" "$1/bpf" || return 1
		ldd "build/tests/bpf/$test" | grep -o '/[^ ]*' | while read -r lib; do
			cp -L "$lib" "$1/lib" || return 1
		done || return 1
	done
}

make_root() { # make_root ROOT REGEX
	cp -a "$CACHE/bookworm/." "$1" || return 1
	rm -rf "${1:?}"/usr/share/{doc,man,locale,zoneinfo,perl*,lintian} "${1:?}/var" \
		"${1:?}/usr/lib/x86_64-linux-gnu/perl-base"
	mkdir -p "$1"/{dev,proc,sys,run,tmp,var,root,etc}
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' >"$1/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
	cp "$(command -v busybox)" "$1/usr/bin/busybox"
	mkdir "$1/root/tests"
	cp -r tests/e2e "$1/root/tests" && cp "$VTBPF" "$1/root/vtbpf" && add_bpf_tests "$1/root" &&
		write_init "$1" "$2"
}

run_kernel() { # run_kernel IMAGE INITRD LOG
	timeout "$SECONDS_MAX" qemu-system-x86_64 -machine q35 "${MACHINE[@]}" -smp 1 \
		-m "$MEMORY" -nodefaults -no-reboot -display none -serial stdio -kernel "$1" -initrd "$2" \
		-append 'console=ttyS0 quiet panic=-1' </dev/null | tr -d '\r' >"$3"
}

check_kernel() { # check_kernel KERNEL SCRATCH: 0 when all passed
	local image=$CACHE/kernel-$1 log=$2/log status
	[ -e "$image" ] || fetch_kernel "$1" "$image" || {
		say "Linux $1 cannot be fetched"
		return 1
	}
	run_kernel "$image" "$2/initrd" "$log"
	status=$(sed -n 's/^status \([0-9]*\)$/\1/p' "$log")
	if [ "$status" = 0 ] && grep -Eq '^[1-9][0-9]* passed' "$log"; then
		grep -E '^(ok|PASS|SKIP) |SKIPPED' "$log" | sed 's/^/     /'
		echo "ok   $(grep '^Linux ' "$log"): $(grep -E '^[0-9]+ passed' "$log" | tail -n 1)"
		return 0
	fi
	echo "FAIL Linux $1"
	sed 's/^/     /' "$log"
	return 1
}

scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

if [ "${1-}" = -k ]; then
	CASES=${2//\'/}
	shift 2
fi
kernels=("$@")
[ $# -gt 0 ] || kernels=(5.10 6.1 6.12 7)
for kernel in "${kernels[@]}"; do
	[ -n "$(package_of "$kernel")" ] || {
		say "no recipe for Linux $kernel: 5.10, 6.1, 6.12 or 7"
		exit 2
	}
done
need qemu-system-x86_64 'qemu-system-x86 seabios'
need cpio cpio
need busybox busybox-static
[ -x $VTBPF ] || {
	say "there is no $VTBPF: make check-vm"
	exit 3
}
[ -d "$CACHE/bookworm" ] || scripts/fetch-pythons.sh bookworm || exit 1

scratch=$(mktemp -d) || exit 1
mkdir "$scratch/root"
make_root "$scratch/root" "$CASES" || exit 1
(cd "$scratch/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$scratch/initrd" || exit 1
failed=0
for kernel in "${kernels[@]}"; do
	check_kernel "$kernel" "$scratch" || failed=$((failed + 1))
done
[ $failed = 0 ]
