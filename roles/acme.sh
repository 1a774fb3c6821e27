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
    # Before systemd knows that its file is gone, which it would take for a failure.
    [ -e /etc/mailwright/acme/renew ] || {
        systemctl stop mailwright-acme.timer 2>/dev/null || :
        rm -f /etc/systemd/system/timers.target.wants/mailwright-acme.timer
        rm -rf /var/lib/mailwright/acme/mail /var/lib/mailwright/acme/web
    }
    systemctl daemon-reload
    if [ -e /etc/mailwright/acme/renew ]; then
        systemctl enable -q --now mailwright-acme.timer
    else
        systemctl reset-failed 'mailwright-acme.*' 2>/dev/null || :
    fi
}
