# The host's half of rollout/departed.py: GONE are the services that no role rolls out any more. What dies half-way is
# done again by the next deploy: what tells of a service goes last. In front of it stand KEPT, where rollouts keep what they
# need, and lock.sh.
set -eu
umask 077
lock

# units SERVICE: those that its last rollout asked for, timers first, or they would start what is stopped.
units() {
    sed -n "s/^$1 unit //p" "$base/asks" 2>/dev/null | sort -u
    sed -n 's|^/etc/systemd/system/\([^/@]*\.service\)$|\1|p' "$base/owned"
}

for service in $GONE; do
    base=$KEPT/$service
    touch "$base/owned"
    units=$(units "$service")
    for unit in $units; do
        systemctl disable -q --now "$unit" 2>/dev/null || systemctl stop "$unit" 2>/dev/null || :
    done
    # What another service has taken over is its own.
    find "$KEPT" -mindepth 2 -maxdepth 2 -name owned ! -path "$base/*" -exec cat {} + >"$base/others"
    { grep -vxF -f "$base/others" "$base/owned" || :; } | while read -r path; do
        if [ -e "$base/original$path" ]; then
            cp -a --remove-destination "$base/original$path" "$path"
        else
            rm -f "$path"
            rmdir -p --ignore-fail-on-non-empty "${path%/*}" 2>/dev/null || :
        fi
    done
    systemctl daemon-reload
    for unit in $units; do systemctl reset-failed "$unit" 2>/dev/null || :; done
    rm -rf "$base"
done
