check() {
    settings=$NEXT/etc/mta-sts-daemon.yml
    [ -e "$settings" ] || settings=/etc/mta-sts-daemon.yml
    quiet python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$settings"
    program=/etc/mailwright/tls-policy/run
    quiet python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' $program
}

activate() {
    systemctl daemon-reload
    enable_units
    restart
}
