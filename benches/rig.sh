# Sourced by benches that watch a whole exporter: a simulated API in a process of its own, and an exporter that polls it so
# seldom that a poll ends before the next one begins, networks at every fifth poll. Needs a release build; whatever was started
# ends with the script.
# Sets `work` (a folder), `exporter` (a process id) and `address`.

binary=target/release/workspace-exporter
address=127.0.0.1:10323
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

start_exporter() { # DESKTOPS sparse|dense
  local desktops=$1 rows=$2 interval=$((2 + $1 / 15000))
  "$binary" simulate --api-only --desktops "$desktops" --log.level=error >"$work/welcome" &
  until grep -q "secret key" "$work/welcome"; do sleep 0.2; done
  printf 'access_key: %s\nsecret_key: %s\n' "$(welcome 'access key')" "$(welcome 'secret key')" >"$work/key.yaml"
  cat >"$work/exporter.yaml" <<YAML
web: { listen: ["$address"] }
collect: { interval: ${interval}s, network_interval: $((5 * interval))s }
api: { requests_per_second: 1000, burst: 1000, concurrency: 8 }
metrics: { state_rows: $rows }
credentials: { main: { kind: access_key, file: "$work/key.yaml" } }
projects: [ { name: simulated, region: simulated-1, endpoint: "$(welcome API)", project_id: $(welcome 'project id') } ]
YAML
  "$binary" --config.file "$work/exporter.yaml" --log.level=error &
  exporter=$!
  wait_for_polls 1
}

# What the simulator says of itself.
welcome() { awk -v name="$1" 'index($0, "  " name) == 1 { print $NF }' "$work/welcome"; }

# The sum of the rows of a counter that hold a text: NAME TEXT
counted() {
  curl -sg "http://$address/metrics?collect[]=exporter&collect[]=aggregate" |
    awk -v name="$1{" -v with="$2" 'index($0, name) == 1 && index($0, with) { all += $NF } END { print all + 0 }'
}

done_polls() { counted huaweicloud_workspace_exporter_polls_total 'result="ok"'; }

wait_for_polls() {
  until [ "$(done_polls)" -ge "$1" ]; do
    kill -0 "$exporter" || exit 1
    sleep 0.5
  done
}
