# What the shell of all services (roles/*.sh) shares, and what a service does that has no such function of its own.

build() { :; } # make files of others, in the copy of TREE that is rehearsed
check() { :; } # have the daemon judge them, there
activate() { serve; } # have the daemon load them
probe() { :; } # whether it serves, beyond what SERVING asks
retire() { :; } # wait for the end of the processes that know what goes

refuse() { echo "$*"; exit 1; }

# Some daemons only warn of what they will not do: any word is a refusal.
quiet() { words=$("$@" 2>&1) && [ -z "$words" ] || refuse "$* says: $words"; }

# Refuse what a shell or Python would not read; a file that is not there is none of them.
is_shell() { [ ! -e "$1" ] || quiet sh -n "$1"; }
is_python() { quiet python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$1"; }
is_toml() { quiet python3 -c 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' "$1"; }

# Make the daemon read its files again. What runs but never had files of ours, such as a daemon that Debian
# started, is restarted: a reload keeps its listeners. Live files it reads without being told.
serve() {
    [ -z "$LIVE" ] || return 0
    enable_units
    for unit in $UNITS; do
        if [ -e "$LOADED" ] && systemctl is-active -q "$unit"; then
            systemctl reload "$unit"
        else
            again restart "$unit"
        fi
    done
}

# Have systemd read its files, and start the daemon with the host, whatever somebody has told it.
enable_units() {
    for unit in $UNITS; do
        case $(systemctl show -p NeedDaemonReload "$unit" "${unit%@-}") in *=yes*) systemctl daemon-reload ;; esac
        case $(systemctl is-enabled "${unit%@-}" 2>/dev/null) in
            enabled) ;;
            masked) systemctl unmask -q "${unit%@-}" && systemctl enable -q "${unit%@-}" ;;
            *) systemctl unmask -q --runtime "${unit%@-}" && systemctl enable -q "${unit%@-}" ;;
        esac
    done
}

# timed NAME: mailwright-NAME.timer runs for as long as it has a file. When that goes it stops before systemd knows, which would
# take it for a failure.
timed() {
    timer=mailwright-$1.timer
    if [ -e "/etc/systemd/system/$timer" ]; then
        systemctl daemon-reload
        systemctl enable -q --now "$timer"
    else
        systemctl stop "$timer" 2>/dev/null || :
        rm -f "/etc/systemd/system/timers.target.wants/$timer"
        systemctl daemon-reload
        systemctl reset-failed "mailwright-$1.*" 2>/dev/null || :
    fi
}

restart() { for unit in $UNITS; do again restart "$unit"; done; }

# again start|restart UNIT: as often as it takes; systemd gives up what starts too often.
again() {
    systemctl reset-failed "$2" 2>/dev/null || :
    systemctl "$@"
}

# After a failure only a stop and a start revive a daemon that has crashed. What neither ran nor was ours stays down.
restore() {
    [ -n "$UNITS" ] || activate
    for unit in $UNITS; do
        systemctl stop "$unit"
        case "$RAN " in *"$unit "*) again start "$unit" && continue ;; esac
        [ ! -e "$LOADED" ] || again start "$unit"
    done
}

# appears SOCKET: wait until the daemon has made it.
appears() {
    for _ in $(seq 360); do
        [ ! -S "$1" ] || return 0
        sleep 0.5
    done
    refuse "no socket $1 after three minutes"
}

# serves SECONDS: wait so long until the daemon answers each question of $ASKS as it should, or say what is wrong.
serves() {
    words=$(eval "$SERVING $1 $ASKS") || :
    case $words in *"A $ASKS"*) ;; *) refuse "python3 does not run" ;; esac
    ! echo "$words" | sed -n 's/^X [^ ]* //p' | grep . || return 1
}

# ends PROCESS: wait until it is gone.
ends() {
    for _ in $(seq 120); do
        [ -d "/proc/$1" ] || return 0
        sleep 0.5
    done
    refuse "process $1 still runs after a minute"
}
