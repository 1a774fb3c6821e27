"""Umlauts; IPv4 only on one host, IPv6 only on the other; a user with sudo, and `@local`."""

mail = (
    [
        ("192.0.2.20", {"debian": 12, "ipv4": "192.0.2.20", "myhostname": "xn--bcher-kva.example"}),
        (
            "@local",
            {"debian": 13, "ipv6": "2001:db8::20", "myhostname": "post.xn--bcher-kva.example"},
        ),
    ],
    {"ssh_user": "admin", "_sudo": True},
)
