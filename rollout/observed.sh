# What a host holds (rollout/observed.py reads it): lines that start with a letter. In front of it stand ROOTS, the
# folders that our files are in, KEPT, where rollouts keep what they need, SERVING, the command that asks whether the host
# serves, and queues.sh.
#
# R release; F each file: mode, owner, group, time of change, path; K what is no file: kind, mode, owner, group, path;
# S the digest of each file; L, O, T and B what the last rollout of each service has loaded, owns, stamped and built;
# P each package, with its state; Q each queue of another mail server; X and A what SERVING says. While one process reads
# the files, another asks the daemons, the questions that the last rollout of each has left.

# Folders that held files of ours in an earlier run are looked at as well.
# shellcheck disable=SC2086 # a list of folders
folders=$({
    printf '%s\n' $ROOTS
    sed 's|^\(/[^/]*/[^/]*\).*|\1|' "$KEPT"/*/owned
} 2>/dev/null | sort -u)

# below TESTS...: find(1) in these folders, but not in what rollouts keep.
# shellcheck disable=SC2086 # a list of folders
below() { find $folders -path "$KEPT" -prune -o "$@" 2>/dev/null; }

{
    . /etc/os-release
    echo "R $VERSION_ID"
    below -type f -printf 'F %m %u %g %C@ %p\n' -o -printf 'K %y %m %u %g %p\n'
    below -type f -print0 | xargs -0r sha256sum | sed 's/^/S /'
    (cd "$KEPT" && grep -H '' ./*/loaded ./*/owned ./*/stamps ./*/built) 2>/dev/null | sed '
        s|^\./\([^/]*\)/loaded:|L \1 |; t
        s|^\./\([^/]*\)/owned:|O \1 |; t
        s|^\./\([^/]*\)/stamps:|T \1 |; t
        s|^\./\([^/]*\)/built:|B \1 |'
    dpkg-query -W -f='P ${db:Status-Abbrev} ${Package}\n'
    [ -e "$KEPT/postfix/loaded" ] || waiting | sed 's/^/Q /'
} | {
    eval "$SERVING 0 $KEPT/*/asks" </dev/null 2>/dev/null
    cat
}
