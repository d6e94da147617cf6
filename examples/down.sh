#!/bin/sh
# Ends what up.sh started in the folder ./cluster or the one named. Models and state stay there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cluster=$(cd "${1:-cluster}" && pwd)
. "$here/cluster.sh"
cluster_down
echo "down: $cluster"
