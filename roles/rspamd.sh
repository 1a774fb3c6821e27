check() {
    words=$(rspamadm configtest 2>&1) || refuse "$words"
    case $words in *"syntax OK"*) ;; *) refuse "$words" ;; esac
}

activate() {
    systemd-tmpfiles --create mailwright-rspamd.conf
    # A reload would not bring the new group.
    id -nG _rspamd | grep -qw redis || systemctl stop rspamd
    systemd-sysusers mailwright-rspamd.conf
    flock /run/mailwright/rspamd.early true
    main=$(systemctl show -p MainPID --value rspamd)
    before=$(cat "/proc/$main/task/$main/children" 2>/dev/null) || :
    serve
}

# After a reload the old workers still end the sessions that they have, for up to 16 seconds.
retire() { for process in $before; do ends "$process"; done; }
