# What a host knows of its mailboxes (mailwright/advice/usage.py reads it): T and when its journal begins; L and a count, in or
# refused, protocol, client and login; Q and a mailbox, STORAGE (KiB) or MESSAGE, and how much.
set -eu
journalctl -q -o short-unix --no-pager | head -n 1 | sed 's/^/T /'
# A success begins with the words that no login name can forge.
journalctl -q -o cat --no-pager --since "$DAYS days ago" -u dovecot -u 'postfix*' | sed -nE '
    s/^(imap|pop3|managesieve)-login: (Login|Logged in): user=<([^>]*)>.* rip=([^,]*),.*/in \1 \4 \3/p; t
    s/^(imap|pop3|managesieve)-login: .*\(auth failed, .*user=<([^>]*)>.* rip=([^,]*),.*/refused \1 \3 \2/p; t
    s/^[0-9A-Za-z]+: client=[^[]*\[([^]]*)\], .*sasl_username=([^,]*).*/in submission \1 \2/p
' | sort | uniq -c | sed 's/^/L /'
users=$(mktemp)
trap 'rm -f "$users"' EXIT
awk -F: '$1 ~ /@/ && $1 !~ /\// { print $1 }' /etc/dovecot/users/* >"$users"
doveadm -f tab quota get -F "$users" | awk -F '\t' 'NR > 1 && $4 != "" { print "Q", $1, $3, $4 }'
