# What a host knows of its mailboxes (mailwright/advice/usage.py reads it): T and when its journal begins; L and a count, in or
# refused, protocol, client and login; Q and a mailbox, STORAGE (KiB) or MESSAGE, and how much.
set -eu
journalctl -q -o short-unix --no-pager | head -n 1 | sed 's/^/T /'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Verification logs in as people do. It says when, and as whom; one that was killed is over after an hour.
journalctl -q -o short-unix --no-pager --since "$DAYS days ago" -t mailwright-verification | awk '
    / begins / { n++; from[n] = $1; to[n] = $1 + 3600; sub(/.* begins /, ""); who[n] = $0 }
    / ends$/ && n { to[n] = $1 + 5 }
    END { for (i = 1; i <= n; i++) printf "%s %d %s\n", from[i], to[i], who[i] }
' >"$work/verified"
# A success begins with the words that no login name can forge.
journalctl -q -o short-unix --no-pager --since "$DAYS days ago" -u dovecot -u 'postfix*' | sed -nE '
    s/^([0-9.]+) [^ ]+ [^ ]+: (imap|pop3|managesieve)-login: (Login|Logged in): user=<([^>]*)>.* rip=([^,]*),.*/\1 in \2 \5 \4/p; t
    s/^([0-9.]+) [^ ]+ [^ ]+: (imap|pop3|managesieve)-login: .*\(auth failed, .*user=<([^>]*)>.* rip=([^,]*),.*/\1 refused \2 \4 \3/p; t
    s/^([0-9.]+) [^ ]+ [^ ]+: [0-9A-Za-z]+: client=[^[]*\[([^]]*)\], .*sasl_username=([^,]*).*/\1 in submission \2 \3/p
' | awk -v verified="$work/verified" '
    BEGIN {
        while ((getline line < verified) > 0) {
            n++
            split(line, word, " ")
            from[n] = word[1]
            to[n] = word[2]
            who[n] = tolower(line) " "
        }
    }
    {
        for (i = 1; i <= n; i++)
            if ($1 >= from[i] && $1 <= to[i] && index(who[i], " " tolower($5) " "))
                next
        sub(/^[^ ]+ /, "")
        print
    }
' | sort | uniq -c | sed 's/^/L /'
awk -F: '$1 ~ /@/ && $1 !~ /\// { print $1 }' /etc/dovecot/users/* >"$work/users"
doveadm -f tab quota get -F "$work/users" | awk -F '\t' 'NR > 1 && $4 != "" { print "Q", $1, $3, $4 }'
