#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# in-container.sh ROOT TREE TMP PROC WRITES USER PROGRAM [ARGUMENT...]: becomes PROGRAM on an overlay of ROOT, with
# TREE and TMP under the names that they have outside. PROC: own (of its pid namespace), none, or lies
# (plain files where it looks for itself). WRITES: rw or ro. USER: root, or nobody, who is root in a user
# namespace. To be run in a mount and a pid namespace of its own, as the first process of the latter.
set -eu
root=$1 tree=$2 tmp=$3 proc=$4 writes=$5 user=$6
shift 6
at=$(mktemp -d "$tmp/container.XXXXXX")
mount -t tmpfs container "$at"
mkdir "$at/upper" "$at/work" "$at/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$at/upper,workdir=$at/work" "$at/root"
root=$at/root
mkdir -p "$root$tree" "$root$tmp" "$root/proc" "$root/dev" "$root/sys"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount --bind "$tree" "$root$tree"
mount --bind "$tmp" "$root$tmp"
case $proc in
own) mount -t proc proc "$root/proc" ;;
lies)
	mount -t tmpfs lies "$root/proc"
	mkdir -p "$root/proc/self/task" "$root/proc/1"
	echo 'NSpid: 1 2 3 4 5' >"$root/proc/self/status"
	echo 'garbage' >"$root/proc/1/maps"
	ln -s /etc/shadow "$root/proc/self/exe"
	;;
esac
[ "$writes" = rw ] || mount -o remount,ro "$root"
[ "$user" = root ] ||
	set -- setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-root-user \
		--root="$root" --wd=/ "$@"
[ "$user" = nobody ] || set -- unshare --root="$root" --wd=/ "$@"
exec "$@"
