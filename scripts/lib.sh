# shellcheck shell=bash
# What the scripts share: paths, messages, the build, and the processes that a script starts and must stop.
# Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
# Outside the checkout, so that a second checkout (or a CI run) finds the first one's dependencies compiled.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/autonomy/target}
# With the target directory outside the checkout, the wasm builder cannot find the workspace by walking up.
export WASM_BUILD_WORKSPACE_HINT=$ROOT
export BIN=${AUTONOMY_BIN_DIR:-$CARGO_TARGET_DIR/release}
export WASM_TARGET=wasm32v1-none
export WASM_TOOLCHAIN=autonomy-wasm

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
	BOLD='' RED='' PLAIN=''
fi

say() { printf '%s==>%s %s\n' "$BOLD" "$PLAIN" "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
	printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2
	exit 1
}

# need COMMAND HOW: stops with HOW when COMMAND is not on the PATH.
need() {
	command -v "$1" >/dev/null 2>&1 || die "\`$1\` is missing: $2"
}

have() { command -v "$1" >/dev/null 2>&1; }

# A duration in seconds as people say it.
minutes() {
	if [ "$1" -lt 90 ]; then printf '%d s' "$1"; else printf '%d min' $((($1 + 30) / 60)); fi
}

# --- toolchains -----------------------------------------------------------------------------------------------------

# The channel that rust-toolchain.toml names.
rust_channel() { sed -n 's/^channel *= *"\(.*\)"/\1/p' "$ROOT/rust-toolchain.toml"; }

# Does the toolchain that builds the native code also have the wasm target?
has_wasm_target() {
	[ -d "$(cd "$ROOT" && rustc --print sysroot 2>/dev/null)/lib/rustlib/$WASM_TARGET/lib" ]
}

has_wasm_toolchain() {
	have rustup && rustup toolchain list 2>/dev/null | grep -q "^$WASM_TOOLCHAIN\b"
}

# Chooses the compilers, once `scripts/setup` has run. The wasm builder takes the cargo that it runs under unless it is
# told otherwise, so a machine whose default toolchain lacks the target has to name the one that has it.
choose_toolchains() {
	if [ -z "${RUSTUP_TOOLCHAIN:-}" ] && have rustup && ! (cd "$ROOT" && rustc --version >/dev/null 2>&1); then
		local channel found
		channel=$(rust_channel)
		found=$(rustup run stable rustc --version 2>/dev/null | cut -d ' ' -f 2)
		if [ -n "$found" ] && [ "$(printf '%s\n' "$channel" "$found" | sort -V | head -n 1)" = "$channel" ]; then
			export RUSTUP_TOOLCHAIN=stable
		fi
	fi
	if [ -z "${WASM_BUILD_TOOLCHAIN:-}" ] && ! has_wasm_target && has_wasm_toolchain; then
		export WASM_BUILD_TOOLCHAIN=$WASM_TOOLCHAIN
	fi
}

# --- the build ------------------------------------------------------------------------------------------------------

# Packages that the build needs and the target directory does not have yet.
packages_to_build() {
	local have_list
	have_list=$(mktemp)
	{ find "$CARGO_TARGET_DIR/release/.fingerprint" -maxdepth 1 -mindepth 1 -printf '%f\n' 2>/dev/null || true; } |
		sed 's/-[0-9a-f]\{16\}$//' | sort -u >"$have_list"
	(cd "$ROOT" && cargo tree --workspace --locked -e normal,build,dev --prefix none \
		-f '{p}' 2>/dev/null) | cut -d ' ' -f 1 | sort -u | comm -23 - "$have_list" | wc -l
	rm -f "$have_list"
}

# build_progress TOTAL LOG: reads cargo's messages, keeps them in LOG and shows how far it is.
build_progress() {
	local total=$1 log=$2 done=0 line now last=0 left start=$SECONDS current='' status
	: >"$log"
	while true; do
		status=0
		IFS= read -r -t 5 line || status=$?
		if [ "$status" -eq 0 ]; then
			printf '%s\n' "$line" >>"$log"
			case $line in
			*Compiling\ *)
				done=$((done + 1))
				current=${line##*Compiling }
				current=${current%% *}
				;;
			*warning:\ unused*) ;;
			esac
		elif [ "$status" -le 128 ]; then
			break # cargo has ended; above 128 it only said nothing for a while
		fi
		now=$((SECONDS - start))
		if [ -t 1 ]; then
			[ "$now" -gt "$last" ] || continue
		else
			[ "$now" -ge $((last + 30)) ] || continue
		fi
		last=$now
		left=''
		if [ "$done" -ge 20 ] && [ "$total" -gt "$done" ]; then
			left=", about $(minutes $((now * (total - done) / done))) left"
		fi
		if [ -t 1 ]; then
			printf '\r\e[K    %d of about %d packages, %s%s (%s)' "$done" "$total" "$(minutes "$now")" "$left" "$current"
		else
			note "$done of about $total packages, $(minutes "$now")$left ($current)"
		fi
	done
	[ -t 1 ] && printf '\r\e[K'
	return 0
}

# run_cargo WHAT COMMAND…: runs a cargo command that compiles, with progress; on failure shows the errors alone.
run_cargo() {
	local what=$1 log total start=$SECONDS rc
	shift
	mkdir -p "$CARGO_TARGET_DIR"
	log=$CARGO_TARGET_DIR/autonomy-$(printf '%s' "$what" | tr -c 'a-z\n' '-').log
	total=$(packages_to_build)
	if [ "$total" -gt 100 ]; then
		say "$what: $total packages to compile. On 2 cores that takes about $(minutes $((total * 27 / 10)))."
	else
		say "$what: dependencies are compiled already. This takes seconds to a few minutes."
	fi
	set +e
	(cd "$ROOT" && "$@" 2>&1) | build_progress "$total" "$log"
	rc=${PIPESTATUS[0]}
	set -e
	if [ "$rc" -ne 0 ]; then
		grep -n -m 1 -E '^error' "$log" >/dev/null && sed -n '/^error/,$p' "$log" | head -n 60 >&2
		grep -q -E '^error' "$log" || tail -n 30 "$log" >&2
		die "$what failed (exit status $rc). The whole log: $log"
	fi
	note "$what: done in $(minutes $((SECONDS - start)))."
}

# Builds node and worker, and with them every test, because both share all of their dependencies.
build_workspace() {
	run_cargo "build" cargo build --release --workspace --locked
	local binary
	for binary in autonomy-node autonomy-worker; do
		[ -x "$CARGO_TARGET_DIR/release/$binary" ] ||
			die "the build made no $binary under $CARGO_TARGET_DIR/release; unset CARGO_BUILD_TARGET and run again"
	done
}

# --- programs for aarch64 -------------------------------------------------------------------------------------------

A64=aarch64-unknown-linux-gnu
A64_BIN=$CARGO_TARGET_DIR/$A64/release
# A folder with the standard library of the compiler that Debian has.
A64_SYSROOT=${AUTONOMY_AARCH64_SYSROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/autonomy/aarch64}
export A64_BIN

has_aarch64_target() { [ -d "$(cd "$ROOT" && rustc --print target-libdir --target "$A64" 2>/dev/null)" ]; }

# One that belongs to /usr/bin/rustc; a folder that somebody named is taken as it is.
has_aarch64_sysroot() {
	[ -d "$A64_SYSROOT/lib/rustlib/$A64/lib" ] && [ -x /usr/bin/rustc ] || return 1
	[ -n "${AUTONOMY_AARCH64_SYSROOT:-}" ] ||
		[ "$(cat "$A64_SYSROOT/version" 2>/dev/null)" = "$(dpkg-query -W -f '${Version}' rustc-web 2>/dev/null)" ]
}

# build_aarch64 kernels|pipelines: builds the exactness programs for aarch64, of the kernels alone or of pipelines too, where
# its linker and standard library are here.
build_aarch64() {
	local linker=${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc} flags='-C target-feature=+crt-static'
	local compiler=() packages=(-p autonomy-kernels)
	[ "$1" = kernels ] || packages+=(-p autonomy-engine)
	[ "$(uname -m)" != aarch64 ] && have "$linker" || return 0
	if has_aarch64_sysroot; then
		flags="--sysroot=$A64_SYSROOT $flags"
		compiler=(RUSTC=/usr/bin/rustc)
	elif ! has_aarch64_target; then
		return 0
	fi
	run_cargo "build of the exactness programs for aarch64" env "${compiler[@]}" \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER="$linker" \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$flags" \
		cargo build --release --locked --target "$A64" "${packages[@]}" --bins
}

# --- what the engine is compared with -------------------------------------------------------------------------------

export PEERS=${AUTONOMY_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/autonomy/peers}

# Makes a Python environment with torch, diffusers and transformers under $PEERS, unless it is there.
setup_peers() {
	local wanted=$ROOT/inference-worker/engine/peers/requirements.txt wheels=https://download.pytorch.org/whl/cpu index=()
	need python3 "apt-get install python3 python3-venv"
	if cmp -s "$wanted" "$PEERS/requirements.txt"; then return; fi
	[ -x "$PEERS/bin/pip" ] || python3 -m venv "$PEERS" || die "python3 made no environment in $PEERS: apt-get install python3-venv"
	# The wheel without CUDA is a tenth as large, where its index can be reached.
	if curl -sf --max-time 10 -o /dev/null "$wheels/torch/"; then index=(--extra-index-url "$wheels"); fi
	say "Installing torch, diffusers and transformers into $PEERS (up to 6 GB)"
	"$PEERS/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "${index[@]}" --requirement "$wanted" ||
		die "pip could not install what $wanted lists into $PEERS"
	cp "$wanted" "$PEERS/requirements.txt"
}

# peer MODULE PACKAGE: builds a peer that has no wheel, where this machine can; goes on without it where it cannot.
peer() {
	local module=$1 package=$2 log
	if "$PEERS/bin/python" -c "import $module" >/dev/null 2>&1; then return; fi
	log=$PEERS/$module.log
	say "Building $package (some minutes)"
	# They build for the instruction set of this machine, as their users do.
	"$PEERS/bin/pip" install --disable-pip-version-check --no-cache-dir "$package" >"$log" 2>&1 ||
		note "going on without $package, which does not build here: $(grep -m 1 -iE '(error|fatal)' "$log" || tail -n 1 "$log") (log: $log)"
}

# --- processes ------------------------------------------------------------------------------------------------------

PIDS=()
SCRATCH=()
# Scratch folders that stay after a failure, because messages name files in them.
EVIDENCE=()

# Stops what this script started, newest first, and removes its scratch folders. Safe to call twice.
cleanup() {
	local rc=$? i pid waited
	for ((i = ${#PIDS[@]} - 1; i >= 0; i--)); do
		kill "${PIDS[i]}" 2>/dev/null || true
	done
	for pid in "${PIDS[@]}"; do
		waited=0
		while kill -0 "$pid" 2>/dev/null; do
			[ "$waited" -lt 100 ] || {
				kill -9 "$pid" 2>/dev/null || true
				break
			}
			sleep 0.1
			waited=$((waited + 1))
		done
		wait "$pid" 2>/dev/null || true
	done
	PIDS=()
	local folder
	case $rc in
	0 | 130 | 143) SCRATCH+=("${EVIDENCE[@]}") ;;
	esac
	for folder in "${SCRATCH[@]}"; do rm -rf "$folder"; done
	SCRATCH=()
	EVIDENCE=()
}

# Called once by a script that starts processes.
cleanup_on_exit() {
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# start LOG COMMAND…: starts a background process whose output goes to LOG; its id is in $STARTED.
start() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 &
	STARTED=$!
	PIDS+=("$STARTED")
}

# free_port: a TCP port of the loopback interface that nobody listens on.
free_port() {
	node -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# rpc PORT METHOD [PARAMS]: one JSON-RPC call to a node on this machine.
rpc() {
	curl -s --max-time 5 -H 'Content-Type: application/json' \
		-d "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"$2\",\"params\":${3:-[]}}" "http://127.0.0.1:$1"
}

# wait_for_rpc PORT PID LOG: waits until the node answers and has made a block.
wait_for_rpc() {
	local port=$1 pid=$2 log=$3 until=$((SECONDS + 180))
	until rpc "$port" chain_getHeader | grep -q '"number":"0x[1-9a-f]'; do
		kill -0 "$pid" 2>/dev/null || die "the node stopped at its start: $(grep -m 1 -iE 'error' "$log" || tail -n 1 "$log") (log: $log)"
		[ "$SECONDS" -lt "$until" ] || die "the node made no block in 3 min (log: $log)"
		sleep 0.2
	done
}

# wait_for_http URL PID LOG: waits until URL answers with 200.
wait_for_http() {
	local url=$1 pid=$2 log=$3 until=$((SECONDS + 180))
	until curl -sf --max-time 5 -o /dev/null "$url"; do
		kill -0 "$pid" 2>/dev/null || die "$url: the process stopped: $(tail -n 1 "$log") (log: $log)"
		[ "$SECONDS" -lt "$until" ] || die "$url did not answer in 3 min (log: $log)"
		sleep 0.2
	done
}
