#!/usr/bin/env bash
# Gives all nodes one folder, VDIT_SHARED. Without an argument: the head, which exports its own; with the head's address: a worker, which
# mounts it. VDIT_NFS=HOST:/PATH mounts a file server of yours on every node instead (EFS, FSx, Filestore). Needs Debian or Ubuntu and sudo.
set -euo pipefail
shared=${VDIT_SHARED:-/shared}
source=${VDIT_NFS:-${1:+$1:$shared}}
options=${VDIT_NFS_OPTIONS:-nfsvers=4.1,hard}
apt=(sudo DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
tries=30 pause=10

fail() { echo "share.sh: $*" >&2; exit 1; }

update() {
  # In the first minutes of a machine its own apt-daily updates the lists; the timeout above is for another lock.
  for try in $(seq "$tries"); do
    "${apt[@]}" update && return
    echo "share.sh: apt-get update failed, try $try of $tries; another apt may hold the package lists, waiting $pause s" >&2
    sleep "$pause"
  done
  fail "apt-get update failed $tries times, see above; the package servers must be reachable, and no other apt at work"
}

install() {
  # Ray runs this at each of its starts; after the first there is nothing to fetch.
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] && return
  update
  "${apt[@]}" install -y "$1"
}

writable() { local probe; probe=$(mktemp "$shared/.vdit.XXXXXX" 2>/dev/null) && rm "$probe"; }

sudo mkdir -p "$shared"
if [ -n "$source" ]; then
  install nfs-common
  mountpoint -q "$shared" || sudo mount -t nfs -o "$options" "$source" "$shared"
  # A new file server's folder is root's. One that holds something is somebody's, and stays as it is.
  if ! writable && [ "$(stat -c %u "$shared")" = 0 ] && [ -z "$(sudo ls -A -I lost+found "$shared")" ]; then
    sudo chown "$(id -u):$(id -g)" "$shared" || true
  fi
  writable || fail "$(id -un) (uid $(id -u)) may not write in $shared, which is $source, of uid $(stat -c %u "$shared");" \
    "give it to uid $(id -u) on the file server"
else
  install nfs-kernel-server
  sudo chown "$(id -u):$(id -g)" "$shared"
  # The package brings no such folder. Private addresses only. sync: a result that was written is on the disk when a node goes away.
  sudo mkdir -p /etc/exports.d
  for network in 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16; do
    echo "$shared $network(rw,sync,no_subtree_check)"
  done | sudo tee /etc/exports.d/vdit.exports >/dev/null
  sudo exportfs -ra
fi
