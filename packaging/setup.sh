#!/bin/sh
# Make .venv and install the pinned dependencies, then the libraries that Qt needs from the system.
# usage: packaging/setup.sh PYTHON
set -eu
python=${1:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "Python 3.11 or newer is needed; '$python' was not found. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2
    exit 1
fi
"$python" - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}. Name another: make PYTHON=python3.12")
PY

if [ ! -x .venv/bin/pip ]; then
    rm -rf .venv
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        rm -rf .venv
        # Debian ships venv in a package of its own.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            apt-get update -q
            apt-get install -y -q python3-venv
            "$python" -m venv .venv
        else
            echo "Python can't make a virtual environment here. Run: sudo apt-get install python3-venv" >&2
            exit 1
        fi
    fi
fi

echo "Installing the dependencies into .venv (a few gigabytes the first time)..."
# The plugins that come with the program are installed as any plugin is; but for the bridge to lightly, whose 25 methods
# would crowd the list of whoever has not asked for them.
set -- -e '.[dev]'
for plugin in plugins/*/pyproject.toml; do
    case $plugin in */ssl-workbench-lightly/*) continue ;; esac
    set -- "$@" -e "./${plugin%/pyproject.toml}"
done
.venv/bin/pip install -q -c packaging/constraints.txt "$@"
sh packaging/system_libraries.sh
