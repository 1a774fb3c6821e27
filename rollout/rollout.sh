# The host's half of a rollout (rollout/operation.py is the other). Runs as root under sh; in front of it are reached.sh,
# lock.sh and the variables KEPT (where all rollouts keep what they need), LOCK, SERVICE, UNITS, TREE, DIGEST, LIVE,
# ARCHIVE_DIGEST, CHANGED, WARNING, SERVING (the command that asks whether it serves), PATIENCE, LIB, whose functions are
# the service's own: build, check, activate, probe, retire; and STOP. Standard input is a tar.gz, in base64: the files that change at their paths, the questions for SERVING (`asks`)
# and lists of paths: `owned` (all files of the service), `stale` (those to remove, some of them to be built anew),
# `last` (those to remove when no process reads them any more), `live` (those that the daemon looks up itself), `built`
# and `stamped` (those that are right as long as nobody touches them) and `swapped` (TREE, then those outside it that
# change or go). With LIVE nothing but live files changes: no daemon is checked, reloaded or restarted.
#
# Every step leaves the old set or the new one, whenever the run dies:
#   inherit  what a run that died had replaced already is the set that last served; keep it until one serves again
#   stage    a copy of TREE, of hard links, with the new files in it, in a folder that only root reads
#   rehearse build and check that copy at its true path, in a mount namespace of its own
#   claim    note which files are ours, those of the old set and those of the new, and that what is loaded is not known
#   swap     one renameat2(RENAME_EXCHANGE) each: the old tree and the new change places at once
#   activate reload or start, then probe; what a reload does not bring, a restart may
#   retire   where something goes last, wait for the end of the processes that knew it
#   undo     when it does not serve, swap back to what last served and start over with that
#   record   what the daemon has loaded, once whoever holds a live file open could see that it was replaced; until then
#            the next run does all of this again. What stood there before the first rollout is kept for ever in
#            `original`, what stood there before this one in `previous`
set -eu
umask 077
export STOP ROLLOUT=$$
export LOADED="$KEPT/$SERVICE/loaded" # what the daemon has loaded; none before the first rollout
base=$KEPT/$SERVICE
next=$base/next      # what this run brings; after the swap, what it replaced
proven=$base/proven  # what a run that died replaced

# The operator's connection may go at any moment; a rollout that has begun ends by itself.
trap '' HUP PIPE
install -d -m 0755 /etc/mailwright /run/mailwright
install -d -m 0700 "$KEPT" "$base"
lock
# Not beside the rest: the disk may be what is full.
log=/run/mailwright/$SERVICE.log
exec 3>&2 >"$log" 2>&1 # the snippets do not get 3: bash would read from it where a connection to a port has failed
trap 'settle >/dev/null 2>&1 || :; cat "$log" >&3 2>/dev/null || :' EXIT
rm -f "$WARNING"

# touched: when each file of TREE was touched. The links that this run makes touch them all, and that is nobody's doing.
touched() { [ -z "$TREE" ] || find "$TREE" -type f -printf '%C@ %p\n'; }
touched >"$log.times" 2>/dev/null || :

settle() {
    touched >"$log.now"
    for stamps in "$KEPT"/*/stamps; do
        awk 'FILENAME == ARGV[1] { old[$2] = $1; next } FILENAME == ARGV[2] { new[$2] = $1; next }
            $2 in new && old[$2] == $1 { $1 = new[$2] } { print }' "$log.times" "$log.now" "$stamps" >"$stamps.new" &&
            mv "$stamps.new" "$stamps"
    done
    rm -f "$log.times" "$log.now"
}

receive() {
    base64 -d >"$base/archive"
    echo "$ARCHIVE_DIGEST  $base/archive" | sha256sum --check --status || {
        echo "the upload was cut short; nothing was changed"
        exit 1
    }
}

stage() {
    mkdir -p "$next"
    if [ -n "$TREE" ]; then
        [ -d "$TREE" ] || rm -rf "$TREE"
        install -d -m 0755 "$TREE"
        mkdir -p "$next${TREE%/*}"
        cp -al "$TREE" "$next$TREE"
    fi
    # What is no folder where one of ours belongs, and no file, goes first: a link, say, that leads elsewhere.
    tar -tzf "$base/archive" | while read -r path; do
        place=$next/${path%/}
        case $path in
            */) [ -d "$place" ] && [ ! -L "$place" ] || rm -rf "$place" ;;
            *) [ ! -d "$place" ] || [ -L "$place" ] || rm -rf "$place" ;;
        esac
    done
    # A file that exists is removed first, so what it is a link of stays as it is.
    tar -xzpf "$base/archive" -C "$next"
    rm -f "$base/archive"
    while read -r path; do
        case $path in "$TREE"/*) rm -rf "$next$path" ;; esac
    done <"$next/stale"
    # Members of the archive have no time; by this one Dovecot sees that a file is another.
    while read -r path; do touch "$next$path"; done <"$next/live"
}

# Binding the copy over TREE shows each daemon the paths that it will have, and nobody else anything.
rehearse() {
    NEXT=$next TREE=$TREE LIVE=$LIVE unshare --mount --propagation private sh -euc "$LIB"'
        [ -z "$TREE" ] || mount --bind "$NEXT$TREE" "$TREE"
        umask 022
        build
        [ -n "$LIVE" ] || check
    ' 3>&-
}

exchange() {
    perl -e '
        my %renameat2 = (x86_64 => 316, i686 => 353, armv7l => 382, ppc64le => 357, s390x => 347);
        chomp(my $machine = `uname -m`);
        my $number = $renameat2{$machine} || 276;    # aarch64, riscv64 and all later ports share one table
        syscall($number, -100, $ARGV[0], -100, $ARGV[1], 2) == 0 or die "exchange $ARGV[0]: $!\n";
    ' "$1" "$2"
}

# swap_with SET PATH: called a second time it undoes itself.
swap_with() {
    [ -d "${2%/*}" ] || rm -f "${2%/*}"
    if [ -e "$2" ] && [ -e "$1$2" ]; then
        exchange "$2" "$1$2"
    elif [ -e "$1$2" ]; then
        install -d -m 0755 "${2%/*}"
        mv -T "$1$2" "$2"
    elif [ -e "$2" ]; then
        mkdir -p "$1${2%/*}"
        mv -T "$2" "$1$2"
    fi
}

inode() { stat -c %i "$1" 2>/dev/null || echo none; }

# The inode of what stands at each path tells later, whoever died, which of them are swapped.
note() { while read -r path; do echo "$(inode "$path") $path"; done <"$next/swapped" >"$next/before"; }

swap() { while read -r path; do swap_with "$next" "$path"; done <"$next/swapped"; }

# replaced SET: the lines of its notes whose file from before the swap now stands in SET.
replaced() {
    [ ! -e "$1/before" ] || while read -r number path; do
        [ "$(inode "$1$path")" != "$number" ] || echo "$number $path"
    done <"$1/before"
}

undo() { replaced "$1" | while read -r number path; do swap_with "$1" "$path"; done; }

inherit() {
    [ -n "$(replaced "$proven")" ] || rm -rf "$proven"
    mkdir -p "$proven"
    replaced "$next" | while read -r number path; do
        if ! replaced "$proven" | cut -d ' ' -f 2- | grep -qxF "$path"; then
            echo "$number $path" >>"$proven/before"
            mkdir -p "$proven${path%/*}"
            [ ! -e "$next$path" ] || mv -T "$next$path" "$proven$path"
        fi
    done
    rm -rf "$next"
    [ -e "$proven/before" ] || rmdir "$proven"
}

# What this run brings is ours from before it is there: should the run die, a later one still knows what to remove.
# From here until it is recorded nobody knows what the daemon has loaded.
claim() {
    touch "$base/owned"
    sort -u "$base/owned" "$next/owned" >"$base/owned.new"
    mv "$base/owned.new" "$base/owned"
    [ ! -e "$base/loaded" ] || set_loaded "${LIVE:+${DIGEST% *} }unknown"
}

set_loaded() {
    echo "$1" >"$base/loaded.new"
    mv "$base/loaded.new" "$base/loaded"
}

# Postfix goes on with the map that it has open for as long as that has a name (postmap makes it again); Rspamd
# watches the file, not what has taken its place.
notify() {
    find "$base/previous$TREE" -type f | while read -r old; do
        [ "$old" -ef "${old#"$base/previous"}" ] || case $old in
            *.lmdb) rm "$old" ;;
            *) touch "$old" ;;
        esac
    done
}

blame() {
    echo "$1"
    [ -z "$CHANGED" ] || echo "changed here: $CHANGED"
    exit 1
}

# What this run has replaced, and the run that died before it has not, is of the set that last served as well.
keep_replaced() {
    [ "$OLD" != "$proven" ] || while read -r path; do
        if [ -e "$next$path" ] && ! cut -d ' ' -f 2- "$proven/before" | grep -qxF "$path"; then
            mkdir -p "$proven${path%/*}"
            mv -T "$next$path" "$proven$path"
        fi
    done <"$next/swapped"
}

# It served, so nothing of it is to be undone, even if this run dies now.
record() {
    keep_replaced
    if [ ! -e "$LOADED" ]; then
        rm -rf "$base/original"
        cp -a "$OLD" "$base/original"
        # What was there already, and right, is not replaced; it was somebody else's all the same.
        while read -r path; do
            case $path in "${TREE:-//}"/*) continue ;; esac
            grep -qxF "$path" "$next/swapped" || { mkdir -p "$base/original${path%/*}" && cp -a "$path" "$base/original$path"; }
        done <"$next/owned"
        for list in before owned stale last live built stamped asks swapped; do rm -f "$base/original/$list"; done
    fi
    rm -f "$next/before" "$proven/before"
    while read -r path; do rm -f "$path"; done <"$next/last"
    for list in owned asks built stamped; do mv "$next/$list" "$base/$list"; done
    rm -rf "$base/previous"
    mv "$OLD" "$base/previous"
    rm -rf "$next"
    [ -z "$LIVE" ] || notify
    xargs -r -d '\n' -a "$base/built" sha256sum >"$base/built.new"
    mv "$base/built.new" "$base/built"
    # shellcheck disable=SC2185 # -files0-from names what to look at
    tr '\n' '\0' <"$base/stamped" | find -files0-from - -maxdepth 0 -printf '%C@ %p\n' >"$base/stamps.new"
    mv "$base/stamps.new" "$base/stamps"
    rm -f "$base/stamped"
    reached record
    set_loaded "$DIGEST"
    sync -f "$base"
}

reached lock
receive
inherit
stage
rehearse || { rm -rf "$next"; blame "$SERVICE refuses the new configuration; the old one keeps serving"; }
reached rehearse
before=$(cat "$base/loaded" 2>/dev/null || :)
claim
reached claim
note
sync -f "$base"
swap
reached swap
OLD=$next
[ ! -e "$proven" ] || OLD=$proven
ASKS=$next/asks
RAN=$(for unit in $UNITS; do ! systemctl is-active -q "$unit" || echo "$unit"; done | tr '\n' ' ')
export UNITS OLD RAN LIVE WARNING SERVING ASKS
retire=:
[ ! -s "$next/last" ] || retire=retire
# What ran with these very files and did not serve is likely to want a restart.
seconds=$PATIENCE
[ "$before$UNITS " != "$DIGEST$RAN" ] || seconds=5
if sh -euc "$LIB activate; reached activate; serves $seconds; probe; $retire" 3>&- || sh -euc "$LIB restart; serves $PATIENCE; probe" 3>&-; then
    record
else
    undo "$next"
    undo "$proven"
    [ -z "$before" ] || set_loaded "$before"
    sh -euc "$LIB restore" 3>&- || :
    words="the old one is back"
    ASKS=$base/asks
    [ ! -e "$ASKS" ] || sh -euc "$LIB serves $PATIENCE" 3>&- || words="nor with the old one, which is back"
    rm -rf "$next" "$proven"
    [ "$before" != "$DIGEST" ] || blame "$SERVICE does not serve"
    blame "$SERVICE does not serve with the new configuration; $words"
fi
