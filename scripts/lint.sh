#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks of the tree that need no run: include direction, documents against --help, source headers,
# sizes, format and static analysis. Tools that are not installed are named and left out.
# --portable: only what gives the same answer with any version of any tool.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0
c_files=$(find bpf user vmlinux tests scripts -name '*.[ch]' | sort)
sh_files=$(find scripts .ci -type f \( -name '*.sh' -o -path '.ci/run' \) | sort)
page_files=$(find user/write/html -type f | sort)
py_files=$(find scripts tests -name '*.py' | sort)

check() { # check TITLE COMMAND...
	local title=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok   $title"
	else
		failed=$((failed + 1))
		echo "FAIL $title"
		echo "$out" | head -n 60 | sed 's/^/     /'
	fi
}

if_there() { # if_there TOOL TITLE COMMAND...
	if command -v "$1" >/dev/null; then
		check "${@:2}"
	else
		echo "note: $1 is not installed: no $2"
	fi
}

spdx() { # every source names its licence in its first two lines
	local file bad=0
	for file in $c_files $sh_files $py_files $page_files Makefile; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || { echo "$file: no SPDX line"; bad=1; }
	done
	return $bad
}

marks() { # no unfinished work
	# shellcheck disable=SC2086
	! grep -nE '\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b' $c_files $sh_files $py_files $page_files Makefile
}

sizes() { # files stay below 500 lines
	local file bad=0
	for file in $c_files $py_files $page_files; do
		if [ "$(wc -l <"$file")" -gt 500 ]; then
			echo "$file: more than 500 lines"
			bad=1
		fi
	done
	return $bad
}

# clang-format holds code to 100 columns; what it leaves alone (comments behind code, strings)
# may pass that a little.
columns() { # lines stay below 109 columns; a tab counts 8
	# shellcheck disable=SC2086
	python3 - $c_files $py_files <<-'END'
		import sys
		bad = 0
		for path in sys.argv[1:]:
		    with open(path, encoding="utf-8") as f:
		        for number, line in enumerate(f, 1):
		            width = len(line.rstrip("\n").expandtabs(8))
		            if width > 108:
		                print("%s:%d: %d columns" % (path, number, width))
		                bad = 1
		sys.exit(bad)
	END
}

parses() { # the browser gets scripts that are scripts
	local file
	for file in user/write/html/*.js; do
		node --check "$file" || return 1
	done
}

functions() { # functions stay at or below 60 lines: from a "{" in column 1 to the next "}" there
	# shellcheck disable=SC2086
	awk 'FNR == 1 { start = 0 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start - 1 > 60) { print FILENAME ":" start ": " FNR - start - 1 " lines"; bad = 1 } start = 0 }
		END { exit bad }' $c_files
}

tidy() { # patterns that are mistakes (.clang-tidy)
	find user -name '*.c' -print0 | xargs -0 -P "$(nproc)" -n 12 \
		sh -c 'clang-tidy -quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -Ibuild 2>/dev/null' sh
}

check "include direction" scripts/check-layers.sh
check "include direction: the check itself" scripts/check-layers.sh --self-test
check "licence lines" spdx
check "unfinished work" marks
check "file length" sizes
check "function length" functions
if [ -x build/vtbpf ]; then
	check "man page, completions and README name the options of --help" \
		python3 scripts/check_docs.py build/vtbpf
	check "completions are those of --help" python3 scripts/gen_completions.py --check build/vtbpf
fi
if [ "${1:-}" != --portable ]; then
	check "line length" columns
	# shellcheck disable=SC2086
	if_there clang-format "format" clang-format --dry-run -Werror $c_files
	# shellcheck disable=SC2086
	if_there shellcheck "shellcheck" shellcheck -S warning $sh_files
	if_there codespell "spelling" codespell -q 3 -L upto,withs,fro,asend README.md CHANGELOG.md bpf user scripts tests/e2e
	if_there cppcheck "cppcheck" cppcheck --quiet --enable=warning,portability --inline-suppr \
		--error-exitcode=1 --std=c11 --suppress=missingIncludeSystem --suppress=unknownMacro user
	[ ! -e build/vtbpf.skel.h ] || if_there clang-tidy "clang-tidy" tidy
	if_there node "scripts of the report parse" parses
	if_there clang "gen-vmlinux.sh: types that this kernel lacks" scripts/gen-vmlinux.sh
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
