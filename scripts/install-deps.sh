#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs what building and testing vtbpf needs, from the distribution's own packages: Debian 12
# and 13, Ubuntu 24.04. Does nothing, fast, when all is there; on another system it only says what
# is missing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export DEBIAN_FRONTEND=noninteractive

# uprobe_multi and what the tracer calls came with libbpf 1.3; Debian 12 has 1.1, so it is taken
# from bookworm-backports there.
LIBBPF_MIN=1.3

PACKAGES=(gcc make libc6-dev pkg-config clang llvm libelf-dev zlib1g-dev libcapstone-dev uthash-dev
	libseccomp-dev libcmocka-dev libdw-dev python3)

header() { # header NAME.h: does the compiler find it?
	printf '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
		gcc -E -x c - >/dev/null 2>&1
}

missing() { # prints the name of each thing that is not there
	local tool
	for tool in gcc make pkg-config clang llvm-strip python3; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
	scripts/find-bpftool.sh >/dev/null || echo bpftool
	pkg-config --atleast-version=$LIBBPF_MIN libbpf 2>/dev/null || echo "libbpf >= $LIBBPF_MIN"
	pkg-config --exists libelf 2>/dev/null || echo libelf
	pkg-config --exists zlib 2>/dev/null || echo zlib
	pkg-config --exists capstone 2>/dev/null || echo capstone
	pkg-config --exists libseccomp 2>/dev/null || echo libseccomp
	header uthash.h || echo uthash
	header cmocka.h || echo cmocka
	pkg-config --exists libdw 2>/dev/null || echo libdw
}

apt() {
	apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# install-deps.sh leaves no package source behind: the backports index is read into a scratch
# directory, from the mirror that this machine uses already.
install_backported_libbpf() {
	local mirror scratch rc keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' \
		'Component: main' | awk '$2 == "bookworm" { print $1; exit }')
	if [ -z "$mirror" ]; then
		echo "install-deps.sh: no mirror of bookworm among this machine's package sources" >&2
		return 1
	fi
	scratch=$(mktemp -d) || return 1
	mkdir -p "$scratch/lists/partial"
	chmod 755 "$scratch"
	[ -e "$keyring" ] && keyring=" [signed-by=$keyring]" || keyring=
	echo "deb$keyring $mirror bookworm-backports main" >"$scratch/sources.list"
	local options=(-o "Dir::Etc::SourceList=$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=")
	apt "${options[@]}" update &&
		apt "${options[@]}" --no-install-recommends install -t bookworm-backports libbpf-dev
	rc=$?
	rm -rf "$scratch"
	return $rc
}

install() {
	local id=$1 version=$2
	apt update || echo "install-deps.sh: some package lists could not be read; going on" >&2
	case $id-$version in
	ubuntu-*) PACKAGES+=(linux-tools-common linux-tools-generic libbpf-dev) ;;
	debian-12) PACKAGES+=(bpftool) ;;
	*) PACKAGES+=(bpftool libbpf-dev) ;;
	esac
	apt --no-install-recommends install "${PACKAGES[@]}" || return 1
	if [ "$id-$version" = debian-12 ] && ! pkg-config --atleast-version=$LIBBPF_MIN libbpf; then
		install_backported_libbpf || return 1
	fi
}

# For tests only, and only if it can be had: a test whose program is missing says so.
# install_for_test PACKAGE COMMAND...: installs the package unless the command succeeds.
install_for_test() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
	echo "install-deps.sh: installing $package (for tests)"
	apt --no-install-recommends install "$package" >/dev/null 2>&1 ||
		{ apt update && apt --no-install-recommends install "$package"; } >/dev/null 2>&1 ||
		echo "install-deps.sh: $package cannot be installed; its tests will say so"
}

# greenlet for the distribution's own Python; the programs that read what vtbpf writes. Of Chromium,
# Ubuntu has only a snap, which no test drives.
install_test_extras() {
	install_for_test python3-greenlet /usr/bin/python3 -c 'import greenlet'
	install_for_test nodejs command -v node
	install_for_test openssl command -v openssl
	install_for_test protobuf-compiler command -v protoc
	install_for_test dpkg-dev command -v dpkg-shlibdeps
	install_for_test lintian command -v lintian
	install_for_test codespell command -v codespell
	if (. /etc/os-release && [ "$ID" = debian ]) 2>/dev/null; then
		install_for_test chromium command -v chromium
	fi
}

refuse() {
	cat >&2 <<-END
		install-deps.sh: $1
		Missing here:
		$(missing | sed 's/^/  /')
		Install: a C compiler, GNU make, pkg-config, clang >= 14 with llvm-strip, bpftool, python3, and the
		development files (static libraries included) of libbpf >= $LIBBPF_MIN, libelf, zlib, capstone 4 or 5, libseccomp,
		uthash and, for the tests, cmocka and libdw. Debian calls them: ${PACKAGES[*]} bpftool libbpf-dev
	END
	exit 1
}

wanted=$(missing)
if [ -n "$wanted" ]; then
	id=unknown version=0
	if [ -r /etc/os-release ]; then
		id=$(. /etc/os-release && echo "${ID:-unknown}")
		version=$(. /etc/os-release && echo "${VERSION_ID:-0}")
	fi
	case $id-$version in
	debian-12 | debian-13 | ubuntu-24.04) ;;
	*) refuse "$id $version: not one of Debian 12, Debian 13, Ubuntu 24.04" ;;
	esac
	[ "$(id -u)" = 0 ] || refuse "installing packages needs root: run it with sudo"
	echo "install-deps.sh: missing: $(echo "$wanted" | paste -sd, | sed 's/,/, /g')"
	echo "install-deps.sh: installing from the package sources of $id $version"
	install "$id" "$version" || exit 1
	[ -z "$(missing)" ] || refuse "still missing after the installation"
	echo "install-deps.sh: all is there now"
fi
if [ "${1:-}" = --test ]; then
	install_test_extras
fi
exit 0
