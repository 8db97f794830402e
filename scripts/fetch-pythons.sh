#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fetch-pythons.sh [NAME...]: makes the interpreters that the end-to-end tests want and this machine
# does not have, from Debian's packages and sources, in a cache directory ($VTBPF_PYTHON_CACHE, else
# /var/cache/vtbpf-pythons). What is there already is left alone; what failed is tried again by the
# next run. A test whose interpreter is missing says so and is skipped.
#
#   bookworm bullseye trixie sid   roots of these suites with their interpreters and libpythons
#   arm64                          interpreters of these suites for arm64, whose plans are checked
#   types                          debug information of the headers of sid's and of py313t
#   py313t                         free-threaded 3.13, built from trixie's source
#   clang313                       3.13 built by clang, frame ends inlined, as in uv's interpreters;
#                                  and python3.13-switch, whose loop has no table of handlers
#   switch39                       3.9 without computed gotos: its loop has no table of handlers
#   clang313-bolt                  3.13 with PGO, LTO and BOLT (half an hour; not by default)
#   tail314 tail315                handlers that are functions and tail-call one another, as in uv's
#                                  interpreters from 3.14 on (6 minutes each; not by default)
#
# The sources of the last two come from python/cpython on GitHub, or from a git repository with its
# tags that $VTBPF_CPYTHON_GIT names.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/apt-private.sh

CACHE=${VTBPF_PYTHON_CACHE:-/var/cache/vtbpf-pythons}
TREE=$PWD
DEFAULT=(bookworm bullseye trixie sid arm64 py313t clang313 switch39 types)
JOBS=$(nproc)

# A test's interpreter needs none of these modules; without them a build takes half the time.
LEFT_OUT=(_bz2 _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw
	_curses _curses_panel _dbm _decimal _gdbm _hashlib _lzma _sqlite3 _ssl _tkinter readline)

say() {
	echo "fetch-pythons.sh: $*"
}

# --- recipes: each makes $1, a directory that does not exist yet -----------------------------------

# What is made anew when it changes: the recipe's text and what it takes from here.
recipe_version() {
	local parts=("make_$1" suite_root apt_private_unpack) source=/dev/null
	case $1 in
	arm64) parts=(make_arm64 arm64_pythons apt_private_extract) ;;
	types) parts=(make_types types_of apt_private_extract) source=$TREE/tests/data/py_types.c ;;
	tail*) parts+=(tail_calls release_of) ;;
	esac
	if declare -f "${parts[@]}" | grep -q build_python; then
		parts+=(make_tools tools_root in_tools source_of configure_python inlined_loop build_python)
	fi
	declare -f "${parts[@]}" | cat - "$source" <(echo "$CACHE ${LEFT_OUT[*]}") | sha256sum | cut -c1-16
}

suite_root() { # suite_root ROOT SUITE PACKAGE...
	apt_private_open "$CACHE/apt" "$2" && apt_private_unpack "$1" "${@:3}"
}

make_bookworm() {
	suite_root "$1" bookworm python3.11 libpython3.11 libstdc++6
}

make_bullseye() {
	suite_root "$1" bullseye python3.9 libstdc++6
}

make_trixie() {
	suite_root "$1" trixie python3.13 libpython3.13 libstdc++6
}

make_sid() {
	suite_root "$1" sid python3.13 python3.14 python3.15 libpython3.14 libpython3.15 libstdc++6
}

arm64_pythons() { # arm64_pythons ROOT SUITE MINOR...
	local minor
	apt_private_open "$CACHE/apt" "$2" arm64 || return 1
	for minor in "${@:3}"; do
		apt_private_extract "$1/$2" "python3.$minor-minimal" "./usr/bin/python3.$minor" &&
			apt_private_extract "$1/$2" "libpython3.$minor" './usr/lib/*/libpython3.*.so.1.0' || return 1
	done
}

# They are read, not run.
make_arm64() {
	arm64_pythons "$1" bullseye 9 && arm64_pythons "$1" bookworm 11 && arm64_pythons "$1" trixie 13 &&
		arm64_pythons "$1" sid 13 14 15
}

# tools_root ROOT PACKAGE...: a root to build in, the same on every machine; nothing is installed here
tools_root() {
	suite_root "$1" bookworm gcc libc6-dev make dash bash coreutils diffutils findutils sed grep \
		mawk tar xz-utils zlib1g-dev libffi-dev clang-19 lld-19 llvm-19 libclang-rt-19-dev "${@:2}" || return 1
	ln -sf mawk "$1/usr/bin/awk"
	[ -e "$1/usr/bin/sh" ] || ln -s dash "$1/usr/bin/sh"
	ln -s x86_64-linux-gnu-gcc-12 "$1/usr/bin/cc"
}

make_tools() {
	tools_root "$1"
}

make_bolt-tools() {
	tools_root "$1" bolt-19 libbolt-19-dev
}

# in_tools ROOT COMMAND...: runs it in the current directory, which a build root sees under its own
# name. What is mounted for it goes with its mount namespace.
in_tools() {
	local root=$1
	shift
	mkdir -p "$root$CACHE"
	# shellcheck disable=SC2016 # the inner shells' own parameters
	unshare --mount --propagation private sh -euc '
		root=$1 cache=$2 here=$PWD; shift 2
		mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"
		mount --bind "$cache" "$root$cache"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/lib/llvm-19/bin:/usr/bin LANG=C.UTF-8 HOME=/root \
			sh -euc '\''cd "$1"; shift; exec "$@"'\'' sh "$here" "$@"' sh "$root" "$CACHE" "$@"
}

# configure_python TOOLS PREFIX OPTION...: in the current directory, from the source beside it
configure_python() {
	local module root=$1 prefix=$2 left_out=()
	shift 2
	[ ! -e .configured ] || return 0
	for module in "${LEFT_OUT[@]}"; do
		left_out+=("py_cv_module_$module=n/a")
	done
	in_tools "$root" ../source/configure -q --prefix="$prefix" --without-ensurepip \
		--disable-test-modules "${left_out[@]}" "$@" && touch .configured
}

source_of() { # source_of PACKAGE [SUITE]: its upstream source in that suite (trixie), in ./source
	[ ! -e source/.whole ] || return 0
	rm -rf source
	apt_private_open "$CACHE/apt" "${2:-trixie}" && apt_private_upstream "$PWD/source" "$1" &&
		touch source/.whole
}

# release_of TAG: CPython's own source at that tag, in ./source, from a git repository that has it
release_of() {
	[ ! -e source/.whole ] || return 0
	rm -rf source
	git init -q source &&
		git -C source fetch -q --depth 1 "${VTBPF_CPYTHON_GIT:-https://github.com/python/cpython}" "refs/tags/$1" &&
		git -C source checkout -q FETCH_HEAD && rm -rf source/.git && touch source/.whole
}

build_python() { # build_python TOOLS RESULT PREFIX: makes and installs what is configured here
	in_tools "$1" make -s -j"$JOBS" && rm -rf stage &&
		in_tools "$1" make -s install DESTDIR="$PWD/stage" && mv "stage$3" "$2"
}

# Several threads really run at once.
make_py313t() {
	local prefix=$CACHE/py313t
	make_one tools && source_of python3.13 && mkdir -p build && cd build &&
		configure_python "$CACHE/tools" "$prefix" --disable-gil --enable-shared \
			LDFLAGS="-Wl,-rpath,$prefix/lib" CFLAGS="-O1 -g0" &&
		build_python "$CACHE/tools" "$1" "$prefix"
}

types_of() { # types_of RESULT INCLUDE INTERPRETER: the latter relative to the cache
	mkdir -p "$1" && ln -s "../../$3" "$1/interpreter" &&
		cc -g -fno-eliminate-unused-debug-types -fPIC -shared -nostdlib -I"$2" -I"$2/internal" \
			-I"$2/internal/mimalloc" -I"${2%/*}" -o "$1/types.so" "$TREE/tests/data/py_types.c"
}

make_types() {
	local minor
	make_one py313t && types_of "$1/py313t" "$CACHE/py313t/include/python3.13t" py313t/lib/libpython3.13t.so.1.0 &&
		apt_private_open "$CACHE/apt" sid || return 1
	for minor in 13 14 15; do
		apt_private_extract "$PWD" "libpython3.$minor-dev" './usr/include/*' &&
			types_of "$1/sid-3.$minor" "$PWD/usr/include/python3.$minor" "sid/usr/bin/python3.$minor" || return 1
	done
}

# The interpreter loop and what it calls at a frame's end are optimised as one, with a threshold that
# stands for a profile: the exported _PyEval_FrameClearAndPop and PyTraceBack_Here are never entered.
# They become one object here, because whole-program optimisation would be done again at each link.
inlined_loop() { # inlined_loop TOOLS: makes Python/ceval.o hold traceback.o too
	local inline=(-mllvm -inline-threshold=3000) objects=(Python/ceval.o Python/traceback.o)
	in_tools "$1" make -s -j"$JOBS" EXTRA_CFLAGS="-O3 -flto ${inline[*]}" "${objects[@]}" &&
		in_tools "$1" ld.lld -r --lto-O3 "${inline[@]}" -o both.o "${objects[@]}" &&
		: >empty.c && in_tools "$1" clang -c -o Python/traceback.o empty.c && mv both.o Python/ceval.o
}

make_clang313() {
	local prefix=$CACHE/clang313
	make_one tools && source_of python3.13 && mkdir -p build && cd build &&
		configure_python "$CACHE/tools" "$prefix" CC=clang OPT="-O1 -DNDEBUG -g0" &&
		inlined_loop "$CACHE/tools" && build_python "$CACHE/tools" "$1" "$prefix" &&
		in_tools "$CACHE/tools" llvm-strip "$1/bin/python3.13" &&
		rm Python/ceval.o Python/traceback.o &&
		in_tools "$CACHE/tools" make -s EXTRA_CFLAGS=-DUSE_COMPUTED_GOTOS=0 python &&
		cp python "$1/bin/python3.13-switch"
}

# As the interpreters are built that `uv python install` brings.
make_clang313-bolt() {
	local prefix=$CACHE/clang313-bolt
	local task="-m test --pgo test_json test_re test_call test_generators test_dict test_list test_exceptions"
	# What configure would say, but for -update-debug-sections and -frame-opt, on which bolt-19 crashes.
	local skip="-skip-funcs=_PyEval_EvalFrameDefault,sre_ucs1_match/1,sre_ucs2_match/1,sre_ucs4_match/1"
	local apply="-reorder-blocks=ext-tsp -reorder-functions=cdsort -split-functions -icf=1 -inline-all -split-eh"
	# Whole-program optimisation takes minutes a link: only the interpreter itself gets it.
	local quick="_bootstrap_python Programs/_freeze_module: LINKCC += -Wl,--lto-O0,--lto-CGO0"
	make_one bolt-tools && source_of python3.13 && mkdir -p build && cd build &&
		configure_python "$CACHE/bolt-tools" "$prefix" CC=clang --enable-optimizations --with-lto \
			--enable-bolt BOLT_COMMON_FLAGS="$skip" BOLT_APPLY_FLAGS="$skip $apply" \
			PROFILE_TASK="$task" LDFLAGS=-fuse-ld=lld &&
		sed -i 's, Programs/_testembed , ,' Makefile && echo "$quick" >>Makefile &&
		build_python "$CACHE/bolt-tools" "$1" "$prefix"
}

# Up to 3.10 no handler is probed, so that a loop without a table of them can be traced.
make_switch39() {
	local prefix=$CACHE/switch39
	make_one tools && source_of python3.9 bullseye && rm -rf source/Lib/test && mkdir -p build &&
		cd build && configure_python "$CACHE/tools" "$prefix" --without-computed-gotos \
		OPT="-O1 -DNDEBUG -g0" &&
		{ echo "*disabled*" && printf '%s\n' "${LEFT_OUT[@]}"; } >Modules/Setup.local &&
		in_tools "$CACHE/tools" make -s EXTRA_CFLAGS=-O3 Python/ceval.o &&
		build_python "$CACHE/tools" "$1" "$prefix" &&
		in_tools "$CACHE/tools" strip "$1/bin/python3.9"
}

tail_calls() { # tail_calls RESULT 3.MINOR TAG
	local prefix=$CACHE/tail${2/./}
	release_of "$3" && make_one tools && mkdir -p build && cd build &&
		configure_python "$CACHE/tools" "$prefix" CC=clang --with-tail-call-interp \
			OPT="-O2 -DNDEBUG -g0" &&
		build_python "$CACHE/tools" "$1" "$prefix" &&
		in_tools "$CACHE/tools" llvm-strip "$1/bin/python$2"
}

make_tail314() {
	tail_calls "$1" 3.14 v3.14.7
}

make_tail315() {
	tail_calls "$1" 3.15 v3.15.0rc1
}

# --- the driver ------------------------------------------------------------------------------------

# In a subshell of its own: what a recipe sets and where it goes is forgotten.
run_recipe() {
	local work=$CACHE/work/$1
	[ "$(cat "$work/.recipe" 2>/dev/null)" = "$2" ] || rm -rf "$work"
	mkdir -p "$work" && echo "$2" >"$work/.recipe" || return 1
	rm -rf "$work/result"
	(cd "$work" && "make_$1" "$work/result") >"$work.log" 2>&1 9>&-
}

make_one() {
	local name=$1 begin=$SECONDS version
	version=$(recipe_version "$name")
	if [ "$(cat "$CACHE/$name/.recipe" 2>/dev/null)" = "$version" ]; then
		say "$name: there"
		return 0
	fi
	say "$name: making it in $CACHE/$name"
	if ! run_recipe "$name" "$version"; then
		say "$name: cannot be made: $(tail -n 1 "$CACHE/work/$name.log"); its tests will be skipped"
		say "$name: all that was said: $CACHE/work/$name.log"
		return 1
	fi
	rm -rf "${CACHE:?}/$name"
	mv "$CACHE/work/$name/result" "$CACHE/$name" || return 1
	echo "$version" >"$CACHE/$name/.recipe"
	rm -rf "$CACHE/work/$name"
	say "$name: made in $((SECONDS - begin)) s, $(du -sm "$CACHE/$name" | cut -f1) MB"
}

main() {
	local name failed=0
	[ $# -gt 0 ] || set -- "${DEFAULT[@]}"
	for name in "$@"; do
		declare -F "make_$name" >/dev/null || { say "$name: not known; see the head of this script"; return 2; }
	done
	if ! mkdir -p "$CACHE" 2>/dev/null || [ ! -w "$CACHE" ]; then
		say "$CACHE: cannot be written; tests of more interpreters will be skipped"
		return 1
	fi
	command -v dpkg-deb >/dev/null || { say "no apt here; tests of more interpreters will be skipped"; return 1; }
	exec 9>"$CACHE/.lock"
	flock -n 9 || { say "waiting for another run"; flock 9; }
	for name in "$@"; do
		make_one "$name" || failed=1
	done
	if [ $failed = 0 ]; then # a run that has to go on needs what was downloaded
		rm -rf "$CACHE/tools" "$CACHE/bolt-tools" "$CACHE"/apt/*/archives/*.deb
	fi
	return $failed
}

main "$@"; exit
