# Debian's installer maps the host's own name to 127.0.1.1; a mail server that finds itself there thinks that its MX is
# somebody else, hence /etc/hosts is ours.
activate() {
    hostname -F /etc/hostname
    systemctl enable -q systemd-timesyncd
    systemctl start systemd-timesyncd
}
