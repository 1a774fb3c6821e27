# What a machine is before a deploy (mailwright/check/preflight.py reads it): a word and what is known, a line each.
# preflight.py puts PEERS in front: addresses of somebody else's mail server.
echo "user $(id -u) $(id -un)"
root=
if [ "$(id -u)" != 0 ]; then
    echo "sudo $(sudo -n true 2>&1)"
    root='sudo -n'
fi
. /etc/os-release
echo "release $ID ${VERSION_ID:-testing}"
echo "clock $(date +%s)"
echo "memory $(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
for place in / /var /var/cache/apt /var/vmail /tmp; do
    [ ! -d "$place" ] || echo "disk $place $(df -Pk "$place" | awk 'NR == 2 { print $4 }') $(df -Pi "$place" | awk 'NR == 2 { print $4 }')"
done
ip -o addr show | awk '{ sub("/.*", "", $4); print "address", $4 }'
$root ss -Hltnp 2>/dev/null | sed -nE 's/^LISTEN +[0-9]+ +[0-9]+ +(\S+):([0-9]+) .*users:\(\("([^"]+)".*/listener \2 \3 \1/p'
dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Provides}\n' | awk '/^ii .* .*mail-transport-agent/ { print "mta", $2 }'
[ ! -d /etc/mailwright/rollout ] || echo deployed
# Which address the system takes when nobody names one.
for peer in $PEERS; do
    ip -o route get "$peer" 2>/dev/null | sed -nE 's/.* src ([^ ]+).*/source \1/p'
done
for peer in $PEERS; do
    # A network that stands between may take the connection and never say a word.
    (said=$(timeout 8 bash -c "exec 3<>/dev/tcp/$peer/25 && head -c 3 <&3" 2>/dev/null); echo "outgoing $peer $said") &
done
wait
echo end
