#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `make check-packages` does once all is built: does the static program run where nothing else
# is, does the package install, run and leave nothing, are package and tarball the same twice, and
# does nothing that is built tell where it was built? What needs root or a tool that is not there is
# skipped and named.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

check() { # check TITLE COMMAND...
	local title=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok   $title"
	else
		failed=$((failed + 1))
		printf 'FAIL %s\n%s\n' "$title" "$(sed 's/^/     /' <<<"$out")"
	fi
}

skip() { # skip TITLE WHY
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}

empty_root() { # neither a library, nor a locale, nor a directory: users as the files say
	local root=$work/empty
	mkdir -p "$root/etc"
	cp build/vtbpf-static tests/fuzz/corpus/capture/full "$root" || return 1
	echo 'passwd: notthere files' >"$root/etc/nsswitch.conf"
	chroot "$root" /vtbpf-static --version &&
		chroot "$root" /vtbpf-static convert full -o out.json &&
		chroot "$root" /vtbpf-static report --json out.json | grep functions
}

traces_in() { # traces_in ROOT PYTHON: the static program, in a root of another distribution
	# shellcheck disable=SC2016
	unshare -m sh -ec '
		mount --rbind /proc "$1/proc"; mount --rbind /sys "$1/sys"; mount --rbind /dev "$1/dev"
		mount -t tmpfs none "$1/run"
		cp build/vtbpf-static "$1/run/vtbpf"
		cd /
		chroot "$1" /run/vtbpf -q -o /run/out.json -- "$2" -c "def seen(): pass
seen()"
		grep -q "\"seen (" "$1/run/out.json"' sh "$1" "$2"
}

tells_no_path() { # what is installed does not name the directory of the build, nor the builder's home
	local file
	for file in vtbpf vtbpf-static vtbpf-shared; do
		strip -o "$work/$file" "build/$file" || return 1
		! grep -aqF "$PWD/" "$work/$file" || { echo "$file names $PWD"; return 1; }
		! grep -aqF "$PWD/" "build/$file" || { echo "$file names $PWD, not stripped"; return 1; }
	done
}

package() { # the same twice; installs, runs and is gone again
	make -s deb && mkdir "$work/one" && mv build/dist/*.deb "$work/one" && sleep 1.1 && make -s deb &&
		cmp "$work"/one/*.deb build/dist/*.deb
}

installs() { # in a data base and a root of its own
	local root=$work/root
	mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info" && : >"$root/var/lib/dpkg/status" || return 1
	dpkg --root="$root" --force-depends --force-not-root --log=/dev/null -i build/dist/*.deb &&
		"$root/usr/bin/vtbpf" --version && zgrep -c 'TH VTBPF' "$root/usr/share/man/man1/vtbpf.1.gz" &&
		dpkg --root="$root" --log=/dev/null --purge vtbpf || return 1
	[ -z "$(find "$root" -mindepth 1 -not -path "$root/var*")" ]
}

tarball() { # the same twice, and it builds to the same: see check-repro.sh
	git diff --quiet HEAD -- || echo 'changes that are not committed are not in the tarball'
	scripts/dist/tarball.sh "$work/a" && scripts/dist/tarball.sh "$work/b" &&
		cmp "$work"/a/*.tar.gz "$work"/b/*.tar.gz && tar tf "$work"/a/*.tar.gz | grep '/Makefile$'
}

names_parts() { # the list of parts is one, and has all that the loader will look for
	python3 - <<-'END'
		import json, re, subprocess, sys
		for program in ("vtbpf", "vtbpf-static", "vtbpf-shared"):
		    doc = json.load(open("build/%s.spdx.json" % program))
		    names = [p["name"] for p in doc["packages"]]
		    ids = [p["SPDXID"] for p in doc["packages"]]
		    assert doc["spdxVersion"] == "SPDX-2.3" and len(set(ids)) == len(ids), ids
		    assert {"vtbpf", "libbpf", "libelf", "libcapstone", "libseccomp", "libz", "libc"} <= set(names), names
		    out = subprocess.run(["readelf", "-dW", "build/" + program], stdout=subprocess.PIPE, text=True)
		    needed = re.findall(r"\(NEEDED\).*\[(.*?)\.so", out.stdout)
		    dynamic = [r["relatedSpdxElement"] for r in doc["relationships"]
		               if r["relationshipType"] == "DYNAMIC_LINK"]
		    assert set(needed) == {p["name"] for p in doc["packages"] if p["SPDXID"] in dynamic}, needed
	END
}

check "what is built names no directory of the build" tells_no_path
check "list of parts" names_parts
if [ "$(id -u)" = 0 ]; then
	check "the static program, where nothing else is" empty_root
	for root in /var/cache/vtbpf-pythons/bullseye:python3.9 /var/cache/vtbpf-pythons/sid:python3.13; do
		if [ -x "${root%:*}/usr/bin/${root#*:}" ]; then
			check "the static program traces in ${root%:*}" traces_in "${root%:*}" "/usr/bin/${root#*:}"
		else
			skip "the static program in ${root%:*}" "not there (make pythons)"
		fi
	done
else
	skip "the static program in other roots" "needs root"
fi
if command -v dpkg-shlibdeps >/dev/null; then
	check "package: lintian, the same twice" package
	if [ "$(id -u)" = 0 ]; then
		check "package: installs, runs, leaves nothing" installs
	else
		skip "package: installs" "needs root"
	fi
else
	skip "package" "dpkg-dev is not installed"
fi
if git rev-parse -q --verify HEAD >/dev/null 2>&1; then
	check "tarball: the same twice" tarball
else
	skip "tarball" "no git clone"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
