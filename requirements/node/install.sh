#!/bin/sh
# Installs what the tests need of Node.js into the virtual environment that is named: the language server of editors.
set -eu

if ! command -v npm >/dev/null; then
    echo "could not install yaml-language-server: npm is missing; until then its tests are skipped" >&2
    exit 0
fi
folder=$(dirname "$0")
cp "$folder/package.json" "$folder/package-lock.json" "$1/"
npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error
