#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# in-root.sh ROOT TREE TMP PROGRAM [ARGUMENT...]: becomes PROGRAM in ROOT, with TREE and TMP under the
# names that they have outside, and in the same directory if the root has it. To be run in a mount
# namespace of its own: what is mounted here is seen by the program and its children only, and goes
# with them.
set -eu
root=$1 tree=$2 tmp=$3
shift 3
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind "$tmp" "$root/tmp"
mkdir -p "$root$tree"
mount --bind "$tree" "$root$tree"
[ -d "$root$PWD" ] || cd /
exec unshare --root="$root" --wd="$PWD" "$@"
