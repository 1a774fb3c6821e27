# The host's half of a rollout (roles/rollout.py is the other). Runs as root under sh; roles/rollout.py puts
# these in front of it: SERVICE, UNITS, TREE, DIGEST, ARCHIVE_DIGEST, CHANGED and LIB, whose functions are the
# service's own: before, build, check, activate, probe. Standard input is a tar, in base64: the files
# that change at their paths, and three lists of paths: `owned` (all files of the service), `stale` (those to
# remove) and `singles` (those to swap one by one, outside TREE).
#
# Every step leaves the old set or the new one, whenever the run dies:
#   stage    a copy of TREE with the new files in it, in a folder that only root reads
#   rehearse build and check that copy at its true path, in a mount namespace of its own
#   claim    note which files are ours, those of the old set and those of the new
#   swap     one renameat2(RENAME_EXCHANGE): the old tree and the new change places at once
#   activate reload or start, then probe; what a reload does not bring, a restart may
#   restore  when it does not serve, swap back and start over with the old set
#   record   what the daemon has loaded; until then the next run does all of this again
set -eu
umask 077
base=/etc/mailwright/rollout/$SERVICE
next=$base/next

# The operator's connection may go at any moment; a rollout that has begun ends by itself.
trap '' HUP PIPE
install -d -m 0755 /etc/mailwright /run/mailwright
install -d -m 0700 /etc/mailwright/rollout "$base"
exec 9>/etc/mailwright/rollout/lock
flock -w 120 9 || { echo "another deploy holds this host" >&2; exit 1; }
# Not beside the rest: the disk may be what is full.
log=/run/mailwright/$SERVICE.log
exec 3>&2 >"$log" 2>&1
trap 'cat "$log" >&3 2>/dev/null || :' EXIT

receive() {
    base64 -d >"$base/archive"
    echo "$ARCHIVE_DIGEST  $base/archive" | sha256sum --check --status || {
        echo "the upload was cut short; nothing was changed"
        exit 1
    }
}

stage() {
    rm -rf "$next"
    mkdir -p "$next"
    if [ -n "$TREE" ]; then
        install -d -m 0755 "$TREE"
        mkdir -p "$next${TREE%/*}"
        cp -a "$TREE" "$next$TREE"
    fi
    tar -xpf "$base/archive" -C "$next"
    rm -f "$base/archive"
    while read -r path; do
        case $path in "$TREE"/*) rm -f "$next$path" ;; esac
    done <"$next/stale"
}

# Binding the copy over TREE shows each daemon the paths that it will have, and nobody else anything.
rehearse() {
    NEXT=$next TREE=$TREE unshare --mount --propagation private sh -euc "$LIB"'
        [ -z "$TREE" ] || mount --bind "$NEXT$TREE" "$TREE"
        umask 022
        build
        check
    '
}

exchange() {
    perl -e '
        my %renameat2 = (x86_64 => 316, i686 => 353, armv7l => 382, ppc64le => 357, s390x => 347);
        chomp(my $machine = `uname -m`);
        my $number = $renameat2{$machine} || 276;    # aarch64, riscv64 and all later ports share one table
        syscall($number, -100, $ARGV[0], -100, $ARGV[1], 2) == 0 or die "exchange $ARGV[0]: $!\n";
    ' "$1" "$2"
}

# Called a second time, each swap undoes itself.
swap_single() {
    if [ -e "$1" ] && [ -e "$next$1" ]; then
        exchange "$1" "$next$1"
    elif [ -e "$next$1" ]; then
        install -d -m 0755 "${1%/*}"
        mv -T "$next$1" "$1"
    elif [ -e "$1" ]; then
        mkdir -p "$next${1%/*}"
        mv -T "$1" "$next$1"
    fi
}

swap() {
    [ -z "$TREE" ] || exchange "$TREE" "$next$TREE"
    while read -r path; do swap_single "$path"; done <"$next/singles"
}

# What this run brings is ours from before it is there: should the run die, a later one still knows what to remove.
claim() {
    touch "$base/owned"
    sort -u "$base/owned" "$next/owned" >"$base/owned.new"
    mv "$base/owned.new" "$base/owned"
}

blame() {
    printf '%s\n' "$1" "changed here: $CHANGED"
    exit 1
}

record() {
    mv "$next/owned" "$base/owned"
    echo "$DIGEST" >"$base/loaded.new"
    mv "$base/loaded.new" "$base/loaded"
    rm -rf "$base/previous"
    mv "$next" "$base/previous"
    sync -f "$base"
}

receive
sh -euc "$LIB before"
stage
rehearse || { rm -rf "$next"; blame "$SERVICE refuses the new configuration; the old one keeps serving"; }
claim
sync -f "$base"
swap
export UNITS LOADED="$base/loaded"
if sh -euc "$LIB activate; probe" || sh -euc "$LIB restart; probe"; then
    record
else
    swap
    sh -euc "$LIB restore" || :
    blame "$SERVICE does not serve with the new configuration; the old one is back"
fi
