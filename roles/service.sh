# What the snippets of all services share.

refuse() { echo "$*"; exit 1; }

# Some daemons only warn of what they will not do: any word is a refusal.
quiet() { words=$("$@" 2>&1) && [ -z "$words" ] || refuse "$* says: $words"; }

# serve UNIT: start it, or make it read its files again.
serve() {
    systemctl enable -q "${1%@-}"
    if systemctl is-active -q "$1"; then systemctl reload "$1"; else systemctl start "$1"; fi
}

# restore UNIT: after a failure only a stop and a start revive a daemon that has crashed. What was never
# ours to start stays down.
restore() {
    systemctl stop "$1"
    [ ! -e "$LOADED" ] || systemctl start "$1"
}

# greets PORT plain|tls WORDS: wait until the port's first line begins with the words.
greets() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        if [ "$2" = tls ]; then
            line=$(sleep 2 | timeout 5 openssl s_client -quiet -connect "127.0.0.1:$1" 2>/dev/null | head -n 1) || :
        else
            line=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && head -n 1 <&3' "$1" 2>/dev/null) || :
        fi
        case $line in "$3"*) return 0 ;; esac
        sleep 0.5
    done
    refuse "port $1 answers '$line' where '$3' is expected"
}
