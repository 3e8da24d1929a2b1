#!/usr/bin/env bash
# Puts the image that the head of cluster.yaml was started from in place of the parameter `resolve:ssm:...` in the autoscaler's file.
# The parameter is looked up with the rights of whoever starts a machine: those of your credentials for the head, but for the workers
# those of Ray's role of the head, which lack ssm:GetParameters. So the workers get the image that the head got.
set -euo pipefail
config=$HOME/ray_bootstrap_config.yaml
metadata=http://169.254.169.254/latest

fail() {
  echo "ami.sh: $config has ImageId $parameter; $*; write an image's id as ImageId of the workers, or give the head's role ssm:GetParameters" \
    "and leave out this script" >&2
  exit 1
}

parameter=$(grep -o "resolve:ssm:[^\"' ,}]*" "$config" | sort -u) || exit 0
[ "$(wc -l <<<"$parameter")" = 1 ] || fail "these are several, and the head's own image stands for one only"
token=$(curl -fsS --max-time 10 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") || fail "no metadata of AWS here"
image=$(curl -fsS --max-time 10 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/ami-id") || fail "no metadata of AWS here"
[[ $image =~ ^ami-[0-9a-f]+$ ]] || fail "AWS says its image is '$image', which is no image's id"
sed -i "s|$parameter|$image|g" "$config"
echo "ami.sh: workers start from the head's image, $image"
