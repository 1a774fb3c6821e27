check() {
    compact=/etc/mailwright/storage/compact
    [ ! -e $compact ] || words=$(sh -n $compact 2>&1) || refuse "$words"
}

activate() {
    if [ -e /etc/mailwright/storage/compact ]; then
        systemctl daemon-reload
        systemctl enable -q --now mailwright-compact.timer
    else
        # Before systemd knows that its file is gone, which it would take for a failure.
        systemctl stop mailwright-compact.timer 2>/dev/null || :
        rm -f /etc/systemd/system/timers.target.wants/mailwright-compact.timer
        systemctl daemon-reload
        systemctl reset-failed 'mailwright-compact.*' 2>/dev/null || :
    fi
}
