check() {
    for file in /etc/mailwright/acme/*; do
        [ -e "$file" ] || continue
        case $file in
            *.toml) is_toml "$file" ;;
            */renew) is_python "$file" ;;
            *) quiet bash -n "$file" ;;
        esac
    done
}

activate() {
    timed acme
    [ -e /etc/mailwright/acme/renew ] || rm -rf /var/lib/mailwright/acme/mail /var/lib/mailwright/acme/web
}
