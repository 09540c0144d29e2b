# Shared by the scripts of this directory; sourced, not run. Sets the working directory to the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
started_at=$SECONDS

say() { printf '\n== %s (after %d s)\n' "$*" "$((SECONDS - started_at))"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    die "needs root or sudo to install: $*"
  fi
}

# install_packages GROUP...: what packages.txt lists for the groups and is not there yet.
install_packages() {
  local group package missing=()
  for group in "$@"; do
    while read -r package; do
      # A command of that name will do, wherever it comes from: node and npm often are not Debian's.
      command -v "$package" > /dev/null && continue
      dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done < <(awk -v group="$group" '$1 == group { print $2 }' scripts/packages.txt)
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "installing ${#missing[@]} packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# A compiler process of this project takes up to 2 GB with sanitizers.
build_jobs() {
  local memory_gb cores
  memory_gb=$(awk '/MemTotal/ { print int($2 / 1048576) }' /proc/meminfo)
  cores=$(nproc)
  local jobs=$((memory_gb / 2))
  [ "$jobs" -lt 1 ] && jobs=1
  [ "$jobs" -gt "$cores" ] && jobs=$cores
  echo "$jobs"
}

# build PRESET [TARGET...]: configures and builds; ninja shows how far it is.
build() {
  local preset=$1
  shift
  local targets=()
  [ $# -gt 0 ] && targets=(--target "$@")
  say "building $preset ${*:-all}"
  cmake --preset "$preset" > "$(mktemp_file configure)" || { cat "$work/configure" && return 1; }
  NINJA_STATUS='[%f/%t, %es] ' cmake --build "build/$preset" -j "$(build_jobs)" "${targets[@]}"
}

# One scratch directory per run, removed at the end; processes that were started with start() are ended by their own id.
work=$(mktemp -d)
pids=()
mktemp_file() { echo "$work/$1"; }
start() {
  local log=$1
  shift
  "$@" > "$log" 2>&1 &
  last_pid=$!
  pids+=("$last_pid")
}
cleanup() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A port of the loopback that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "waited in vain for $what" >&2 && return 1; }
    sleep 0.2
  done
}
