# shellcheck shell=bash
# A development chain with the demo models and three operators, or the one of governance, for scripts/start, scripts/demo and
# the tests. Sourced, never run; scripts/lib.sh comes first, and `cleanup_on_exit` has been called.

OPERATORS=${AUTONOMY_OPERATORS:-3}
MODELS_DIR=$ROOT/inference-worker/models
# Models that are registered, and those of them that the operators serve.
MODELS=(shapes keeper)
SERVED=(shapes keeper)
# Price of one unit of work (a denoise step over 64×64 pixels, a token) for one operator, in AUTON.
PRICE=0.001
# One slot on each model takes 100 AUTON of an operator's bond; a seat on a ballot puts 50 at stake.
BOND=200

# for_governance: eight operators, of whom a ballot takes five and an auditor, serve the model that answers ballots. The
# picture model is there for its community.
for_governance() {
	OPERATORS=${AUTONOMY_OPERATORS:-8}
	[ "$OPERATORS" -ge 6 ] || die "governance needs at least 6 operators, five for a ballot and an auditor, not $OPERATORS"
	MODELS=(shapes council)
	SERVED=(council)
	BOND=400
}

worker_log() { printf '%s/operator-%d/worker.log' "$STATE" "$1"; }

# a port of the loopback interface: PREFERRED when nobody listens there, else any free one
port_or() {
	if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then free_port; else printf '%s\n' "$1"; fi
}

# worker COMMAND…: runs autonomy-worker against the chain, and stops with what it said when it fails.
worker() {
	local out rc=0
	out=$("$BIN/autonomy-worker" "$@" 2>"$STATE/worker-error") || rc=$?
	if [ "$rc" -ne 0 ]; then
		die "autonomy-worker $1${2:+ $2}: $(grep -m 1 '^error' "$STATE/worker-error" | sed 's/^error: //' || tail -n 1 "$STATE/worker-error")"
	fi
	printf '%s\n' "$out"
}

# json_field FIELD: a field of the JSON object on standard input.
json_field() {
	node -e '
		try {
			const value = JSON.parse(require("fs").readFileSync(0, "utf8"))[process.argv[1]];
			if (value === undefined) process.exit(1);
			console.log(typeof value === "object" ? JSON.stringify(value) : value);
		} catch { process.exit(1); }
	' "$1"
}

# start_chain: the node, on port 9944 when it is free.
start_chain() {
	local port p2p log=$STATE/node.log
	port=$(port_or 9944)
	p2p=$(free_port)
	URL=ws://127.0.0.1:$port
	start "$log" "$BIN/autonomy-node" --dev --base-path "$STATE/chain" --rpc-port "$port" --port "$p2p" --no-prometheus
	# shellcheck disable=SC2153 # `start` sets it
	wait_for_rpc "$port" "$STARTED" "$log"
	note "chain: $URL, a block every second"
}

# register_models: the models of $MODELS; their numbers are in MODEL_NUMBERS by name, and in $SHAPES and $KEEPER.
register_models() {
	local name listed=''
	for name in "${MODELS[@]}"; do
		[ -f "$MODELS_DIR/$name/manifest.json" ] || die "the model $name is missing: $MODELS_DIR/$name has no manifest.json"
	done
	for name in "${MODELS[@]}"; do
		MODEL_NUMBERS[$name]=$(worker models register "$MODELS_DIR/$name" --price "$PRICE" --dev alice --url "$URL" --json |
			json_field model)
		listed+="$name is number ${MODEL_NUMBERS[$name]}, "
	done
	# shellcheck disable=SC2034 # for the scripts that source this one
	SHAPES=${MODEL_NUMBERS[shapes]:-} KEEPER=${MODEL_NUMBERS[keeper]:-}
	note "models: $listed$PRICE AUTON per unit and operator"
}

# start_operators: keys, configuration, registration and process of each operator.
start_operators() {
	local n folder port threads owner name
	local -a joined=()
	for name in "${SERVED[@]}"; do joined+=(--model "${MODEL_NUMBERS[$name]}"); done
	# The same bits with any number of threads: share the cores out, so that the operators do not stand in each other's way.
	threads=$(($(nproc) / OPERATORS))
	[ "$threads" -ge 1 ] || threads=1
	OWNERS=()
	WORKER_URLS=()
	# The password protects keys that live as long as this chain.
	AUTONOMY_KEY_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	export AUTONOMY_KEY_PASSWORD
	for ((n = 1; n <= OPERATORS; n++)); do
		folder=$STATE/operator-$n
		mkdir -p "$folder"
		port=$(free_port)
		owner=$(worker keys generate "$folder/owner.json")
		worker keys generate "$folder/worker.json" >/dev/null
		OWNERS+=("$owner")
		WORKER_URLS+=("http://127.0.0.1:$port")
		worker fund "$owner" "$((BOND + 100))" --dev alice --url "$URL" >/dev/null
		(umask 077 && printf '%s' "$AUTONOMY_KEY_PASSWORD" >"$folder/password")
		cat >"$folder/worker.toml" <<-TOML
			data_dir = "data"

			[chain]
			urls = ["$URL"]

			[keys]
			file = "worker.json"
			password_file = "password"

			[models]
			dirs = ["$MODELS_DIR"]

			[server]
			listen = "127.0.0.1:$port"

			[compute]
			threads = $threads
		TOML
		worker register --config "$folder/worker.toml" --bond "$BOND" "${joined[@]}" --key "$folder/owner.json" >/dev/null
		start "$(worker_log "$n")" "$BIN/autonomy-worker" run --config "$folder/worker.toml" --startup-timeout 30
		WORKER_PIDS[n]=$STARTED
	done
	for ((n = 1; n <= OPERATORS; n++)); do
		wait_for_http "${WORKER_URLS[n - 1]}/readyz" "${WORKER_PIDS[n]}" "$(worker_log "$n")"
		note "operator $n: ${OWNERS[n - 1]}, golden jobs reproduced, ${WORKER_URLS[n - 1]}"
	done
}

# describe_network: writes $STATE/network.json, whole or not at all.
describe_network() {
	local n name separator=''
	{
		printf '{ "url": "%s", "worker": "%s", "models": "%s",' "$URL" "$BIN/autonomy-worker" "$MODELS_DIR"
		for name in "${MODELS[@]}"; do printf ' "%s": %d,' "$name" "${MODEL_NUMBERS[$name]}"; done
		printf ' "operators": ['
		for ((n = 0; n < OPERATORS; n++)); do
			printf '%s\n  { "owner": "%s", "url": "%s", "config": "%s" }' "$separator" "${OWNERS[n]}" "${WORKER_URLS[n]}" \
				"$STATE/operator-$((n + 1))/worker.toml"
			separator=,
		done
		printf ' ] }\n'
	} >"$STATE/network.part"
	mv "$STATE/network.part" "$STATE/network.json"
}

# start_network: all of it; needs $STATE, an empty folder.
start_network() {
	declare -gA WORKER_PIDS=() MODEL_NUMBERS=()
	local started=$SECONDS
	say "Starting a chain and $OPERATORS operators (about $((8 + 4 * OPERATORS)) s)"
	start_chain
	register_models
	start_operators
	describe_network
	note "ready in $((SECONDS - started)) s"
}

apps_link() { printf 'https://polkadot.js.org/apps/?rpc=%s' "$URL"; }
