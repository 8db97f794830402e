#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Prints the path of a bpftool that runs. Ubuntu's /usr/sbin/bpftool is a wrapper that refuses when
# the running kernel has no tools package; the real binaries lie in /usr/lib/linux-tools*.
for tool in "$(command -v bpftool)" /usr/sbin/bpftool /usr/local/sbin/bpftool \
	/usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool; do
	if [ -x "$tool" ] && "$tool" version >/dev/null 2>&1; then
		echo "$tool"
		exit 0
	fi
done
echo bpftool
exit 1
