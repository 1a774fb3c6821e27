build() {
    secret=/etc/mailwright/srs.secret
    [ -e "$LOADED" ] || [ -s $secret ] || (
        umask 077
        if [ -s /etc/postsrsd.secret ]; then cat /etc/postsrsd.secret
        else head -c 24 /dev/urandom | base64; fi >$secret.new
        mv $secret.new $secret
    )
}

check() {
    secret=/etc/mailwright/srs.secret
    [ -s $secret ] ||
        refuse "$secret is missing: restore it from a backup, or make one with" \
            "'(umask 077; openssl rand -base64 24 >$secret)'"
    [ "$(stat -c %a%u $secret)" = 6000 ] || refuse "$secret is not root's alone (mode 600)"
    is_python /etc/mailwright/srs/run
    is_toml /etc/mailwright/srs/settings.toml
}

# PostSRSd, which a deploy before this one set up, sits on the ports. What else it had goes as that of any role.
activate() {
    systemctl daemon-reload
    ! systemctl cat postsrsd >/dev/null 2>&1 || systemctl disable -q --now postsrsd
    enable_units
    restart
}
