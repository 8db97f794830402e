#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tarball.sh DIRECTORY: writes DIRECTORY/vtbpf-VERSION.tar.gz, the files of the newest commit; of one
# commit always the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/.*VTBPF_VERSION "\(.*\)"/\1/p' user/version.h)
out=$1/vtbpf-$version.tar.gz
if ! git rev-parse --verify -q HEAD >/dev/null; then
	echo "tarball.sh: this tree is no git clone: what belongs to it is not known" >&2
	exit 1
fi
git diff --quiet HEAD -- || echo "tarball.sh: changes that are not committed are left out" >&2
mkdir -p "$1"
git archive --format=tar --prefix="vtbpf-$version/" HEAD | gzip -n9 >"$out.new"
mv "$out.new" "$out"
scripts/fix-owner.sh build
echo "$out"
