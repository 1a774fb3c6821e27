# A host that has no sites any more has no files of this service left, and no unit.

build() { [ ! -e /etc/nginx/sign ] || quiet sh /etc/nginx/sign; }

# A warning is a refusal as well. It says of each run that the syntax is ok.
check() {
    [ -e /etc/nginx/sign ] || return 0
    words=$(nginx -t 2>&1) || refuse "$words"
    case $words in *"[warn]"*) refuse "$words" ;; esac
}

activate() {
    if [ -n "$UNITS" ]; then
        serve
    else
        systemctl daemon-reload
        systemctl disable -q --now nginx
    fi
}
