#!/usr/bin/env bash
# Starts the MLflow server of the cluster on the head, on loopback, unless it answers already; returns when it answers.
# Arguments go to `mlflow server`, such as --app-name basic-auth (docs/cluster.md).
set -euo pipefail
port=${MLFLOW_PORT:-5000}
runs=$VDIT_SHARED/runs

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# rsync makes one folder, not two: data is for `ray rsync-up` of a benchmark. Not weights: where that is, studies are told to use it.
mkdir -p "$VDIT_SHARED/data" "$runs"
answers && exit
# Its jobs judge language models: eight processes that nothing here uses.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
# With --app-name basic-auth the server keeps its users in the folder it starts in.
cd "$runs"
setsid nohup mlflow server --host 127.0.0.1 --port "$port" --workers 1 --backend-store-uri "sqlite:///$runs/mlflow.db" \
  --artifacts-destination "$runs/artifacts" "$@" >"$runs/mlflow.log" 2>&1 </dev/null &
# Of its own process group: kill -- -$(cat mlflow.pid) ends the server with all its processes.
echo $! >mlflow.pid
for _ in $(seq 240); do
  answers && exit
  sleep 0.5
done
echo "the MLflow server does not answer on port $port after two minutes; see $runs/mlflow.log" >&2
exit 1
