#!/bin/sh
# Starts a broker (ports 8000 and 8001) and three nodes that stay, in the folder ./cluster or the one named.
# Photos go to FOLDER/images (train/CLASS/*, test/CLASS/*); down.sh ends them all.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dcls=${DCLS:-$here/../dcls}
dcls=$(cd "$(dirname "$dcls")" && pwd)/$(basename "$dcls")
cluster=${1:-cluster}
mkdir -p "$cluster/images"
cluster=$(cd "$cluster" && pwd)
. "$here/cluster.sh"

if [ -e "$cluster/broker.pid" ] && kill -0 "$(cat "$cluster/broker.pid")" 2>/dev/null; then
    echo "already up in $cluster: end it with examples/down.sh" >&2
    exit 1
fi
if ! cluster_up "${SERVER_PORT:-8000}" "${API_PORT:-8001}" --images images; then
    tail -n 3 "$cluster"/*.log >&2
    cluster_down
    exit 1
fi
echo "a broker and three nodes are up at $DCLS_API; logs and models are in $cluster"
