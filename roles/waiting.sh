check() { sh -n /etc/mailwright/waiting/run; }

activate() {
    systemctl daemon-reload
    systemctl enable -q --now mailwright-waiting.timer
}
