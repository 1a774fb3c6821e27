check() {
    settings=$NEXT/etc/mta-sts-daemon.yml
    [ -e "$settings" ] || settings=/etc/mta-sts-daemon.yml
    quiet python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$settings"
    is_python /etc/mailwright/tls-policy/run
    is_toml /etc/mailwright/tls-policy/settings.toml
}

activate() {
    systemctl daemon-reload
    enable_units
    restart
}
