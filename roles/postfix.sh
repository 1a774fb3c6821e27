build() {
    for map in /etc/postfix/maps/*; do
        case $map in *.lmdb) continue ;; esac
        [ -e "$map.lmdb" ] || quiet postmap "lmdb:$map"
    done
}

# The first `postfix check` may bring the chroot's copies of /etc up to date, and says so; the second is silent. What it
# lets pass, postconf's warnings and each map show.
check() {
    postfix check >/dev/null 2>&1 || :
    quiet postfix check
    words=$(postconf -n 2>&1 >/dev/null) || :
    [ -z "$words" ] || refuse "$words"
    words=$(postconf -M 2>&1 >/dev/null) || :
    [ -z "$words" ] || refuse "$words"
    lists=$(postconf -xn; postconf -P)
    names=$(echo "$lists" | sed -n 's/.*_restrictions = //p' | tr ', ' '\n')
    for name in $names; do
        # smtpd tells an unknown name from a known one only when a client is there.
        case $name in *:*) continue ;; esac
        grep -awqF -e "$name" "$(postconf -hx daemon_directory)/smtpd" ||
            refuse "smtpd knows no restriction $name"
    done
    maps=$(postconf -xn | grep -o 'lmdb:[^, ]*' | sort -u)
    for map in $maps; do
        postmap -q nobody@invalid "$map" || [ $? -eq 1 ] || refuse "no map $map"
        [ -e "${map#lmdb:}.lmdb" ] || refuse "no map $map"
    done
}

# What waits in a queue that is not ours yet was addressed by somebody else's aliases; now by these. What its owner holds
# stays held.
activate() {
    [ -e "$LOADED" ] || {
        systemctl stop "$UNITS"
        postsuper -r ALL incoming active deferred
    }
    serve
}

probe() {
    postfix status
    /etc/dovecot/retry
}
