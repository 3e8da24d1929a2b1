#!/usr/bin/env bash
# Installs the project that lies around this script into ~/vdit-env, from the lock, and puts it on the path of every shell of this user.
# Runs on every node; what is installed already stays. VDIT_SHARED is the folder that all nodes see: data, weights, runs.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
place=$HOME/vdit-env
shared=${VDIT_SHARED:-/shared}

if [ ! -x "$place/bin/python" ]; then
  if command -v python3.11 >/dev/null; then
    python3.11 -m venv "$place"
  else
    # The lock is for Python 3.11, which is not on every image.
    curl -LsSf https://astral.sh/uv/install.sh | sh
    "$HOME/.local/bin/uv" venv --quiet --seed --python 3.11 "$place"
  fi
fi
install=("$place/bin/python" -m pip install --quiet --disable-pip-version-check)
"${install[@]}" -r "$project/requirements.lock"
# Editable: a synced edit counts at once.
"${install[@]}" --no-deps --no-build-isolation -e "$project"

cat >"$HOME/.vdit.sh" <<END
export PATH="$place/bin:\$PATH"
export RAY_AUTH_MODE=token
export VDIT_SHARED="$shared"
export MLFLOW_TRACKING_URI="http://127.0.0.1:${MLFLOW_PORT:-5000}"
END
# In front: some distributions' .bashrc ends early. `ray submit` reads .bashrc, nothing else.
touch "$HOME/.bashrc"
grep -qsF '.vdit.sh' "$HOME/.bashrc" || printf '%s\n' 'source ~/.vdit.sh' "$(cat "$HOME/.bashrc")" >"$HOME/.bashrc"
