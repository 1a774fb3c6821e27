check() { is_shell /etc/mailwright/purge/run; }

activate() {
    timed purge
    # What it names for the first time is there, or nothing of it will ever be deleted.
    while read -r day address home; do
        [ "$day" = "#" ] || [ -d "$home" ] ||
            grep -qsF " $address $home" "$OLD/etc/mailwright/purge/list" ||
            echo "$address: nothing lies in $home, so nothing of it will be deleted"
    done </etc/mailwright/purge/list >"$WARNING"
    systemctl start mailwright-purge.service ||
        refuse "$(journalctl -qn 5 -o cat -u mailwright-purge.service)"
}
