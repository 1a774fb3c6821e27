# Where somebody's mail lies that no mailbox of the host has: a folder a line. Who has a mailbox stands in Dovecot's
# users files, and in Postfix's map: should one of them be damaged, nobody is a stranger in his own mailbox.
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
