# What the snippets of all services share.

refuse() { echo "$*"; exit 1; }

# Some daemons only warn of what they will not do: any word is a refusal.
quiet() { words=$("$@" 2>&1) && [ -z "$words" ] || refuse "$* says: $words"; }

# Make the daemon read its files again. What runs but never had files of ours, such as a daemon that Debian
# started, is restarted: a reload keeps its listeners. Live files it reads without being told.
serve() {
    [ -z "$LIVE" ] || return 0
    for unit in $UNITS; do
        systemctl enable -q "${unit%@-}"
        if [ -e "$LOADED" ] && systemctl is-active -q "$unit"; then
            systemctl reload "$unit"
        else
            systemctl restart "$unit"
        fi
    done
}

restart() { for unit in $UNITS; do systemctl restart "$unit"; done; }

# After a failure only a stop and a start revive a daemon that has crashed. What neither ran nor was ours stays down.
restore() {
    [ -n "$UNITS" ] || activate
    for unit in $UNITS; do
        systemctl stop "$unit"
        case "$RAN " in *"$unit "*) systemctl start "$unit" && continue ;; esac
        [ ! -e "$LOADED" ] || systemctl start "$unit"
    done
}

# answers PATTERN COMMAND...: wait, ten seconds at most, until what the command prints matches a pattern of case.
answers() {
    pattern=$1
    shift
    for try in $(seq 20); do
        words=$("$@" 2>&1) || :
        # shellcheck disable=SC2254
        case $words in $pattern) return 0 ;; esac
        sleep 0.5
    done
    return 1
}

# appears SOCKET: wait until the daemon has made it.
appears() {
    for try in $(seq 360); do
        [ ! -S "$1" ] || return 0
        sleep 0.5
    done
    refuse "no socket $1 after three minutes"
}

# ends PROCESS: wait until it is gone.
ends() {
    for try in $(seq 120); do
        [ -d "/proc/$1" ] || return 0
        sleep 0.5
    done
    refuse "process $1 still runs after a minute"
}

# greets PORT plain|tls WORDS: wait, a quarter of a minute at most, until the port's first line begins with the words.
greets() {
    case $2 in
        tls) ask='coproc timeout 5 openssl s_client -quiet -connect "127.0.0.1:$0" 2>/dev/null
            read -r -t 5 line <&"${COPROC[0]}"; kill "$COPROC_PID" 2>/dev/null; echo "$line"' ;;
        *) ask='exec 3<>"/dev/tcp/127.0.0.1/$0" && read -r -t 5 line <&3; echo "$line"' ;;
    esac
    end=$(($(date +%s) + 15))
    while [ "$(date +%s)" -lt "$end" ]; do
        line=$(bash -c "$ask" "$1" 2>/dev/null) || :
        case $line in "$3"*) return 0 ;; esac
        sleep 0.5
    done
    refuse "port $1 answers '$line' where '$3' is expected"
}
