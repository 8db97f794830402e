#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Prints the time that everything built of this tree bears: SOURCE_DATE_EPOCH, else that of the
# newest commit, else (a tarball) that of the changelog.
cd "$(dirname "$0")/../.." || exit 1
[ -n "${SOURCE_DATE_EPOCH:-}" ] && exec echo "$SOURCE_DATE_EPOCH"
[ -e .git ] && git log -1 --format=%ct 2>/dev/null && exit
stat -c %Y CHANGELOG.md
