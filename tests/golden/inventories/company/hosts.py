"""Umlauts; IPv4 only on a big host, IPv6 only on a careful one; a user with sudo, and `@local`."""

mail = (
    [
        (
            "192.0.2.20",
            {
                "debian": 12,
                "ipv4": "192.0.2.20",
                "myhostname": "xn--bcher-kva.example",
                "cores": 8,
                "memory": "16G",
                "mail_driver": "mdbox",
            },
        ),
        (
            "@local",
            {
                "debian": 13,
                "ipv6": "2001:db8::20",
                "myhostname": "post.xn--bcher-kva.example",
                "dovecot_mode": "high-security",
                "mail_driver": "mdbox",
            },
        ),
    ],
    {"ssh_user": "admin", "_sudo": True},
)
