#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# fix-owner.sh PATH...: gives what root made under sudo to the user who ran sudo.
[ "$(id -u)" = 0 ] && [ -n "${SUDO_UID:-}" ] || exit 0
for path in "$@"; do
	[ -e "$path" ] && chown -RhP "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$path"
done
exit 0
