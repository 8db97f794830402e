# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# To be sourced: packages of any Debian suite, by an apt whose state lies in a directory of its own.
# The mirror is the one that this machine uses itself; what is installed here stays as it is.
#
# apt_private_open DIR SUITE [ARCHITECTURE] sets APT_OPTIONS for that suite, with an index no older
# than a day.

APT_MAX_SECONDS=600 # for any one call; an unreachable mirror must not hold up a test run

# apt_private_mirror: prints the address from which this machine gets Debian itself
apt_private_mirror() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(LABEL) $(CODENAME)' 'Created-By: Packages' \
		'Component: main' 2>/dev/null | awk '$2 == "Debian" && $3 !~ /-/ { print $1; exit }'
}

apt_private_sources() { # apt_private_sources SUITE: the text of its sources.list
	local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(apt_private_mirror)
	if [ -z "$mirror" ]; then
		echo "no mirror of Debian among this machine's package sources" >&2
		return 1
	fi
	[ -e "$keyring" ] && keyring="[signed-by=$keyring] " || keyring=
	echo "deb $keyring$mirror $1 main"
	echo "deb-src $keyring$mirror $1 main"
}

apt_private() { # apt_private TOOL ARGUMENT...: an apt tool on the state that is open
	timeout "$APT_MAX_SECONDS" "$1" "${APT_OPTIONS[@]}" "${@:2}" </dev/null
}

apt_private_update() {
	apt_private apt-get -o APT::Update::Error-Mode=any update || return 1
	touch "$APT_STATE/updated"
}

apt_private_open() {
	local arch=${3:-}
	APT_STATE=$1/$2${arch:+-$arch}
	mkdir -p "$APT_STATE"/{lists,archives,none}/partial || return 1
	# The empty status file makes apt resolve everything down to libc.
	APT_OPTIONS=(-qq -o APT::Get::Assume-Yes=1 -o Dir::Etc::SourceList="$APT_STATE/sources.list"
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o Dir::State="$APT_STATE" -o Dir::State::Lists="$APT_STATE/lists"
		-o Dir::State::Status=/dev/null -o Dir::Cache="$APT_STATE"
		-o Dir::Cache::Archives="$APT_STATE/archives" -o APT::Sandbox::User=root
		-o APT::Install-Recommends=0 -o APT::Keep-Downloaded-Packages=1
		-o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=30
		-o Acquire::https::Timeout=30 -o Dpkg::Use-Pty=0)
	[ -z "$arch" ] || APT_OPTIONS+=(-o APT::Architecture="$arch" -o APT::Architectures="$arch")
	apt_private_sources "$2" >"$APT_STATE/sources.list" || return 1
	if [ -z "$(find "$APT_STATE/updated" -mtime -1 2>/dev/null)" ]; then
		apt_private_update
	fi
}

# apt_private_debs PACKAGE...: downloads them and all they depend on; prints the files' names
apt_private_debs() {
	local names
	names=$(apt_private apt-get -o Dir::Cache::Archives="$APT_STATE/none" --print-uris install "$@" |
		sed -n "s/^'[^']*' \([^ ]*\) .*/\1/p")
	[ -n "$names" ] || return 1
	apt_private apt-get --download-only install "$@" >/dev/null || return 1
	echo "$names"
}

# apt_private_unpack ROOT PACKAGE...: makes ROOT a file system with these packages in it. No
# maintainer script runs.
apt_private_unpack() {
	local root=$1 debs deb dir
	shift
	debs=$(apt_private_debs "$@") || return 1
	mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{proc,sys,dev,tmp,run,root,etc,var}
	chmod 1777 "$root/tmp"
	for dir in bin sbin lib lib64; do
		[ -e "$root/$dir" ] || ln -s "usr/$dir" "$root/$dir"
	done
	for deb in $debs; do
		dpkg-deb --fsys-tarfile "$APT_STATE/archives/$deb" |
			tar -C "$root" -x --keep-directory-symlink --no-same-owner || return 1
	done
	[ ! -e "$root/usr/sbin/ldconfig" ] || chroot "$root" /sbin/ldconfig
}

# apt_private_extract DIR PACKAGE PATTERN...: unpacks these files of one package in DIR, nothing else
apt_private_extract() {
	local deb
	(cd "$APT_STATE/archives" && apt_private apt-get download "$2" >/dev/null) || return 1
	deb=$(find "$APT_STATE/archives" -maxdepth 1 -name "$2_*.deb" | sort -V | tail -n 1)
	mkdir -p "$1" && [ -n "$deb" ] && dpkg-deb --fsys-tarfile "$deb" |
		tar -C "$1" -x --no-same-owner --wildcards "${@:3}"
}

# apt_private_upstream DIR SOURCE: unpacks the upstream sources of a source package in DIR
apt_private_upstream() {
	local tarball
	mkdir -p "$1" || return 1
	(cd "$APT_STATE" && apt_private apt-get source --tar-only "$2" >/dev/null) || return 1
	tarball=$(find "$APT_STATE" -maxdepth 1 -name "$2_*.orig.tar.*" ! -name '*.asc' | sort -V | tail -n 1)
	[ -n "$tarball" ] && tar -C "$1" -x --strip-components=1 --no-same-owner -f "$tarball"
}
