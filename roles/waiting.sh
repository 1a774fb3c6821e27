check() { is_shell /etc/mailwright/waiting/run; }

activate() { timed waiting; }
