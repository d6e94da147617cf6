# Shell functions that start and stop a broker and nodes below one folder; sourced by demo.sh, up.sh and down.sh.
# Each process leaves its log and its process id there: broker.log, broker.pid, node0.log, node0.pid, …

# start NAME COMMAND...: in the background, from within the folder $cluster
start() {
    name=$1
    shift
    (cd "$cluster" && exec setsid "$@" >"$name.log" 2>&1 </dev/null) &
    echo $! >"$cluster/$name.pid"
}

# wait_until SECONDS WHAT COMMAND...: until the command succeeds
wait_until() {
    seconds=$1 what=$2
    shift 2
    tries=$((seconds * 10))
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then
            echo "$what: not there after $seconds s; see the logs in $cluster" >&2
            return 1
        fi
        sleep 0.1
    done
}

has_nodes() {
    [ "$("$dcls" client nodes --json | grep -o '"name": *"[^"]*"' | wc -l)" -ge "$1" ]
}

# stop NAME: TERM, up to 10 s, then KILL
stop() {
    pid=$(cat "$cluster/$1.pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null && echo "$1 had to be killed" >&2
    rm -f "$cluster/$1.pid"
}

# cluster_up PORT API_PORT BROKER_OPTIONS...: a broker and three nodes; exports DCLS_API. 0: free ports
cluster_up() {
    port=$1 api_port=$2
    shift 2
    rm -f "$cluster/ports"
    start broker "$dcls" broker --port "$port" --api-port "$api_port" --port-file ports --state state "$@"
    wait_until 10 broker test -s "$cluster/ports" || return 1
    port=$(sed 's/.*"port": *\([0-9]*\).*/\1/' "$cluster/ports")
    DCLS_API=http://127.0.0.1:$(sed 's/.*"api_port": *\([0-9]*\).*/\1/' "$cluster/ports")
    export DCLS_API
    for node in node0 node1 node2; do
        start $node "$dcls" node --name $node --port "$port"
    done
    wait_until 20 nodes has_nodes 3
}

cluster_down() {
    for name in node0 node1 node2 broker; do
        stop $name
    done
}
