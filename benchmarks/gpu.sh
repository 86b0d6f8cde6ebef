#!/usr/bin/env bash
# What a GPU is worth: default fit, steps per second, slides against reading alone, two processes on one device.
# Usage: benchmarks/gpu.sh FOLDER          on a machine with CUDA, within ten minutes; the table is FOLDER/gpu.md
#        benchmarks/gpu.sh FOLDER --dry    everything once, tiny and on the CPU: whether it would run
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?give a folder for what is measured}
shift
exec "${PYTHON:-.venv/bin/python}" benchmarks/gpu.py "$folder" "$@"
