# sievec resolves mail_uid, so the account comes first. Of a wrong setting it says only that there is one, so doveconf,
# the check of the whole, reads them before it. Without -c it would take those of the Dovecot that runs. The paths of
# scripts are those of the inventory.
build() {
    [ -z "$LIVE" ] || return 0
    accounts=$NEXT/etc/sysusers.d/mailwright-dovecot.conf
    [ -e "$accounts" ] || accounts=${accounts#"$NEXT"}
    systemd-sysusers "$accounts"
    uid=$(sed -n 's/^u vmail \([0-9]*\) .*/\1/p' "$accounts")
    [ "$(id -u vmail)" = "$uid" ] || refuse "the account vmail has uid $(id -u vmail); expected" \
        "$uid (usermod -u $uid vmail; chown -R vmail /var/vmail)"
    foreign=
    [ -e "$LOADED" ] || foreign=$(find /var/vmail ! -user vmail -print -quit 2>/dev/null) || :
    [ -z "$foreign" ] || refuse "$foreign is not vmail's (chown -R vmail: /var/vmail)"
    # Mail in the other format would be there, and nobody would find it.
    driver=maildir other=mdbox
    ! grep -Eq '^mail_(driver|location) = mdbox' /etc/dovecot/dovecot.conf || driver=mdbox other=Maildir
    hidden=$(find -L /var/vmail -mindepth 3 -maxdepth 3 -name "$other" -exec find -L {} \
        -type f '(' -path '*/cur/*' -o -path '*/new/*' -o -path '*/storage/m.*' ')' \
        -print -quit ';' 2>/dev/null | sort | head -n 1)
    [ -z "$hidden" ] || refuse "mail_driver is $driver, and mail that is kept otherwise" \
        "would not be found ($hidden); leave mail_driver as it was, or move that mail away"
    words=$(doveconf -n 2>&1 >/dev/null) || refuse "$words"
    [ -z "$words" ] || refuse "$words"
    cd /etc/dovecot || exit
    refused=
    for script in $(find sieve -name '*.sieve' | sort); do
        name=$(basename "$script" .sieve)
        words=$(sievec -c /etc/dovecot/dovecot.conf "$script" 2>&1) && continue
        words=$(echo "$words" | sed "/Fatal:/d; s|^$name: line |$script:|; s|^$name:|$script:|")
        refused="$refused
$words"
    done
    [ -z "$refused" ] || refuse "${refused#?}"
}

activate() {
    systemd-tmpfiles --create mailwright-dovecot.conf
    serve
    # An mdbox is there once it was opened; members find theirs before its first mail has come.
    ! grep -Eq '^mail_(driver|location) = mdbox' /etc/dovecot/dovecot.conf || {
        appears /run/dovecot/auth-userdb
        sed -n 's|^Shared/\([^/ ]*\) .*|\1|p' /etc/dovecot/acl | sort -u >"$OLD/shared"
        doveadm mailbox status -F "$OLD/shared" messages INBOX >/dev/null
    }
    # Dovecot looks at most once in a second whether such a file is another (passwd-file).
    [ -z "$LIVE" ] || sleep 1 &
    old=$OLD/etc/dovecot
    diff -rN "$old/users" /etc/dovecot/users >"$OLD/difference" || [ $? = 1 ]
    wait
    if [ -n "$LIVE" ]; then
        sed -n 's/^> //p' "$OLD/difference"
    else
        cat /etc/dovecot/users/*
    fi | /etc/dovecot/subscribe
    # Who may do less than before, or has another password, must not stay logged in; mail programs connect again by
    # themselves.
    { cat "$OLD/difference"; diff -N "$old/acl" /etc/dovecot/acl; } |
        sed -nE 's/^< ([^:/ ]+@[^:/ ]+)[:/].*/\1/p; s/^< .* user=([^ ]+) .*/\1/p
            s/^< .* group=([^ ]+) .*/*@\1/p' >"$OLD/less"
    doveadm who -1 2>/dev/null |
        awk 'NR == FNR { less[$1]; next } { all = $1; sub(/.*@/, "*@", all) }
            $1 in less || all in less { print $1 }' "$OLD/less" - | sort -u |
        while read -r user; do doveadm kick "$user" >/dev/null 2>&1 || :; done
    # Whose own line is another one may have more than he now may.
    sed -nE 's/^[<>] ([^:/ ]+@[^:/ ]+):.*/\1/p' "$OLD/difference" | sort | uniq -d >"$WARNING.users"
    [ ! -s "$WARNING.users" ] ||
        timeout 60 doveadm -f tab quota get -F "$WARNING.users" | awk -F '\t' '
            NR > 1 && $5 ~ /^[1-9]/ && $4 > $5 + 0 { print $1, $3, $4, $5 }
        ' | while read -r user kind stored limit; do
            case $kind in
                STORAGE) limit=$((limit << 10)) stored=$((stored << 10)) unit= ;;
                *) unit=" messages" ;;
            esac
            amounts=$(numfmt --to=iec --delimiter=/ --field=1,2 "$limit/$stored")
            echo "$user: its quota of ${amounts%/*}$unit is below what is stored, ${amounts#*/}$unit"
        done >"$WARNING"
    rm -f "$WARNING.users" "$OLD/difference"
}

# It answers, so what came meanwhile need not wait any longer.
probe() { /etc/dovecot/retry; }

# Where somebody's mail lies that no mailbox of the host has: a folder a line. Who has a mailbox stands in Dovecot's
# users files, and in Postfix's map: should one of them be damaged, nobody is a stranger in his own mailbox.
left() {
    {
        cat /etc/dovecot/users/* /etc/postfix/maps/virtual_mailbox_maps
        find -L /var/vmail -mindepth 2 -maxdepth 2 -type d
    } 2>/dev/null | awk -F '[: ]' '
        /^\// { if (!($0 in homes)) print; next }
        $1 !~ /\// && split($1, parts, "@") == 2 {
            split($0, fields, ":")
            homes[fields[6] != "" ? fields[6] : "/var/vmail/" parts[2] "/" parts[1]]
        }
    ' | while read -r home; do
        # A shared mailbox has these from its first day on.
        [ -z "$(find "$home" -type f ! -name members ! -path '*/subscriptions.d/*' -print -quit)" ] || echo "$home"
    done
}
