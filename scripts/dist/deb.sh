#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# deb.sh PROGRAM DIRECTORY: writes DIRECTORY/vtbpf_VERSION_ARCH.deb with PROGRAM, which is linked with
# this distribution's libraries, and has lintian look at it. Of one tree on one system always the
# same bytes. DEBFULLNAME and DEBEMAIL say who makes the package; example.org is nobody.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 out=$2
for tool in dpkg-deb dpkg-shlibdeps; do
	command -v $tool >/dev/null || { echo "deb.sh: $tool is not there: install dpkg-dev" >&2; exit 1; }
done
version=$(sed -n 's/.*VTBPF_VERSION "\(.*\)"/\1/p' user/version.h)
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=$(scripts/dist/epoch.sh)
export SOURCE_DATE_EPOCH # dpkg-deb gives this time to all that is newer
maintainer="${DEBFULLNAME:-The vtbpf authors} <${DEBEMAIL:-vtbpf@example.org}>"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
year=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)
umask 022
root=$work/root
doc=$root/usr/share/doc/vtbpf

copyright() { # as Debian's copyright format 1.0 has it
	cat <<-END
		Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
		Upstream-Name: vtbpf

		Files: *
		Copyright: $year the vtbpf authors
		License: GPL-2.0-only
		 On Debian systems, the whole text of the GNU General Public License, version 2, is in
		 /usr/share/common-licenses/GPL-2.

		Files: bpf/* vmlinux/*
		Copyright: $year the vtbpf authors
		License: GPL-2.0-only or BSD-2-Clause

		License: GPL-2.0-only or BSD-2-Clause
		$(sed -n '/^Redistribution/,/^SOFTWARE, EVEN/p' LICENSE | sed 's/^$/./; s/^/ /')
	END
}

changelog() {
	echo "vtbpf ($version) unstable; urgency=medium"
	printf '\n  * Version %s; what is new is in CHANGELOG.md.gz.\n\n' "$version"
	echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

depends() { # the libraries' packages, with the versions that have what the program calls
	mkdir -p "$work/shlibs/debian"
	printf 'Source: vtbpf\n\nPackage: vtbpf\nArchitecture: any\n' >"$work/shlibs/debian/control"
	(cd "$work/shlibs" && dpkg-shlibdeps -O -e "$1" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

control() {
	cat <<-END
		Package: vtbpf
		Version: $version
		Architecture: $arch
		Maintainer: $maintainer
		Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f1)
		Depends: $(depends "$root/usr/bin/vtbpf"), sensible-utils
		Built-Using: $(dpkg-query -W -f '${source:Package} (= ${source:Version})' libbpf-dev)
		Suggests: python3
		Section: devel
		Priority: optional
		Description: trace every Python call of a running program, from outside
		 vtbpf watches a running CPython program with eBPF: every call of every thread,
		 exactly once, on a timeline in the format of VizTracer. Neither the program nor
		 its interpreter is changed or restarted, and nothing is installed in it.
		 .
		 It can also sample stacks, keep to a budget of overhead, record dumps around
		 events, and say what got slower from one trace to another.
	END
}

make -s install PROGRAM="$program" DESTDIR="$root" PREFIX=/usr UNITDIR=/usr/lib/systemd/system >/dev/null
strip --remove-section=.comment "$root/usr/bin/vtbpf"
install -m 644 "$program.spdx.json" "$doc/vtbpf.spdx.json"
gzip -n9 <CHANGELOG.md >"$doc/CHANGELOG.md.gz"
changelog | gzip -n9 >"$doc/changelog.gz"
copyright >"$doc/copyright"
gzip -n9 "$root/usr/share/man/man1/vtbpf.1"
mkdir "$root/DEBIAN"
control >"$root/DEBIAN/control"
(cd "$root" && find usr -type f | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
deb=$out/vtbpf_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb" >/dev/null
echo "$deb"
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning "$deb"
else
	echo "deb.sh: lintian is not installed: the package was not looked at"
fi
