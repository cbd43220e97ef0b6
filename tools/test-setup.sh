#!/bin/sh
# Installs what the tests use besides Python.  Tests whose peer is missing are skipped and say so.
set -eu
# Not storescu: pynetdicom brings a program of that name along.
if ! command -v dcmdump >/dev/null; then
    echo "Installing DCMTK, the peer of the interoperability tests ..."
    sh "$(dirname "$0")/apt-install.sh" dcmtk ||
        echo "DCMTK cannot be installed from here (package dcmtk): its tests will be skipped."
fi
if ! command -v sslscan >/dev/null; then
    echo "Installing sslscan, which shows what our TLS servers negotiate ..."
    sh "$(dirname "$0")/apt-install.sh" sslscan ||
        echo "sslscan cannot be installed from here (package sslscan): its tests will be skipped."
fi
# Debian keeps it where only root's path leads.
if ! command -v Orthanc >/dev/null && ! [ -x /usr/sbin/Orthanc ]; then
    echo "Installing Orthanc, an archive for the interoperability tests ..."
    if sh "$(dirname "$0")/apt-install.sh" orthanc; then
        # The package starts a server of its own, now and at each boot; the tests run theirs.
        as_root=; [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
        if [ -d /run/systemd/system ]; then
            $as_root systemctl --quiet disable --now orthanc || true
        else
            $as_root service orthanc stop >/dev/null 2>&1 || true
            $as_root update-rc.d orthanc disable >/dev/null || true
        fi
    else
        echo "Orthanc cannot be installed from here (package orthanc): its tests will be skipped."
    fi
fi
