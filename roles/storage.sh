check() { is_shell /etc/mailwright/storage/compact; }

activate() { timed compact; }
