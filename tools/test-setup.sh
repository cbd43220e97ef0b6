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
# Packages of servers start one, now and at each boot; the tests run theirs.
stop_server() {
    as_root=; [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    if [ -d /run/systemd/system ]; then
        $as_root systemctl --quiet disable --now "$1" || true
    else
        $as_root service "$1" stop >/dev/null 2>&1 || true
        $as_root update-rc.d "$1" disable >/dev/null || true
    fi
}
# Debian keeps it where only root's path leads.
if ! command -v Orthanc >/dev/null && ! [ -x /usr/sbin/Orthanc ]; then
    echo "Installing Orthanc, an archive for the interoperability tests ..."
    if sh "$(dirname "$0")/apt-install.sh" orthanc; then
        stop_server orthanc
    else
        echo "Orthanc cannot be installed from here (package orthanc): its tests will be skipped."
    fi
fi
# Debian keeps its programs out of every path.
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    echo "Installing PostgreSQL, one of the databases of the worklist manager ..."
    if sh "$(dirname "$0")/apt-install.sh" postgresql; then
        stop_server postgresql
    else
        echo "PostgreSQL cannot be installed from here (package postgresql): its tests will be skipped."
    fi
fi
if ! command -v haproxy >/dev/null && ! [ -x /usr/sbin/haproxy ]; then
    echo "Installing HAProxy, which distributes callers among worklist managers ..."
    if sh "$(dirname "$0")/apt-install.sh" haproxy; then
        stop_server haproxy
    else
        echo "HAProxy cannot be installed from here (package haproxy): its test will be skipped."
    fi
fi
