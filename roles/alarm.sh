check() { is_shell /etc/mailwright/alarm/run; }

activate() { systemctl daemon-reload; }
