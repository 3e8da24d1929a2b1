#!/usr/bin/env bash
# Gives all nodes one folder, VDIT_SHARED. Without an argument: the head, which exports its own; with the head's address: a worker, which
# mounts it. VDIT_NFS=HOST:/PATH mounts a file server of yours on every node instead (EFS, FSx, Filestore). Needs Debian or Ubuntu and sudo.
set -euo pipefail
shared=${VDIT_SHARED:-/shared}
source=${VDIT_NFS:-${1:+$1:$shared}}
options=${VDIT_NFS_OPTIONS:-nfsvers=4.1,hard}
apt=(sudo DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)

sudo mkdir -p "$shared"
"${apt[@]}" update
if [ -n "$source" ]; then
  "${apt[@]}" install -y nfs-common
  mountpoint -q "$shared" || sudo mount -t nfs -o "$options" "$source" "$shared"
else
  "${apt[@]}" install -y nfs-kernel-server
  sudo chown "$(id -u):$(id -g)" "$shared"
  # Private addresses only. sync: a result that was written is on the disk when a node goes away.
  for network in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do
    echo "$shared $network(rw,sync,no_subtree_check)"
  done | sudo tee /etc/exports.d/vdit.exports >/dev/null
  sudo exportfs -ra
fi
