#!/usr/bin/env bash
#SBATCH --job-name=vdit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=48:00:00
#SBATCH --exclusive
#SBATCH --requeue
# Runs studies on a Ray inside a Slurm allocation. Submit it in the project's folder, on a file system that all nodes see, after
# `make setup`: VDIT_SHARED=/scratch/vdit sbatch cluster/slurm.sh [STUDY ...]. Submitted again, it goes on.
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
source .venv/bin/activate
export VDIT_SHARED=${VDIT_SHARED:?names a folder that all nodes see, with room for data, weights and runs}
export RAY_AUTH_MODE=token RAY_TMPDIR=/tmp/ray-$SLURM_JOB_ID
ray get-auth-token --generate >/dev/null

# The batch script runs on the allocation's first node: the head. What its name means comes first, then its interfaces; on a stock Debian
# its name means 127.0.1.1, which is every other node's own address, too.
addresses=$({ getent ahostsv4 "$(hostname)" || true; hostname -I | tr ' ' '\n'; } | awk '$1 ~ /^[0-9.]+$/ && $1 !~ /^127\./ {print $1}')
head=${VDIT_HEAD_IP:-$(head -n 1 <<<"$addresses")}
if [ -z "$head" ] && [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
  echo "slurm.sh: $(hostname) has no IPv4 address that the other $((SLURM_JOB_NUM_NODES - 1)) nodes reach, only loopback;" \
    "export VDIT_HEAD_IP=ADDRESS, or ask for one node (sbatch --nodes=1)" >&2
  exit 1
fi
head=${head:-127.0.0.1}
# --exclusive above is needed: at the end Ray stops every Ray of this user on these nodes.
srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" \
  ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" --dashboard-host=127.0.0.1 \
  -- python cluster/sweep.py "$@"
