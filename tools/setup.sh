#!/bin/sh
# Makes .venv and installs leaddicom in it; returns at once when that is done already.
# Usage: tools/setup.sh [EXTRA]     EXTRA as in pyproject.toml, such as dev
set -eu
cd "$(dirname "$0")/.."
extra=${1:-}
export PIP_DISABLE_PIP_VERSION_CHECK=1

suitable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
        if suitable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "leaddicom needs Python 3.10 or later, and ${PYTHON:-python3} is not." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2
    return 1
}

# Debian and Ubuntu keep ensurepip, which venv needs, in a package of its own.  Without it there
# still is pip, often; and where there is neither, the package can be installed, sometimes.
make_environment() {
    "$1" -m venv --clear .venv >/dev/null 2>&1 && return
    "$1" -m venv --clear --without-pip .venv >/dev/null 2>&1 && "$1" -m pip install -q --target \
        "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
        pip >/dev/null 2>&1 && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    sh tools/apt-install.sh "$package" && "$1" -m venv --clear .venv && return
    rm -rf .venv
    echo "$1 cannot make a virtual environment. Install the package $package and try again." >&2
    return 1
}

# An environment knows its own path, and may hold what an older pyproject.toml asked for.
state="$(pwd) $(cksum <pyproject.toml)"
if ! suitable .venv/bin/python || [ "$(cat .venv/.made-for 2>/dev/null)" != "$state" ]; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version) ..."
    make_environment "$python"
    echo "$state" >.venv/.made-for
fi
if [ ! -e ".venv/.installed$extra" ]; then
    echo "Installing leaddicom${extra:+[$extra]} ..."
    # Put on the path as a folder: setuptools' other way loses to a clone beside the user's script.
    .venv/bin/python -m pip install -qq -e ".${extra:+[$extra]}" --config-settings editable_mode=compat
    touch .venv/.installed ".venv/.installed$extra"
fi
