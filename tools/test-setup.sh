#!/bin/sh
# Installs what the tests use besides Python.  Tests whose peer is missing are skipped and say so.
set -eu
# Not storescu: pynetdicom brings a program of that name along.
if ! command -v dcmdump >/dev/null; then
    echo "Installing DCMTK, the peer of the interoperability tests ..."
    sh "$(dirname "$0")/apt-install.sh" dcmtk ||
        echo "DCMTK cannot be installed from here (package dcmtk): its tests will be skipped."
fi
