"""One administrator, one server, three domains; before and after the upgrade of Debian."""

mail = [
    ("old.example.com", {"debian": 12, "ipv4": "192.0.2.10", "ipv6": "2001:db8::10"}),
    (
        "new.example.com",
        {
            "debian": 13,
            "ipv4": "192.0.2.11",
            "ipv6": "2001:db8::11",
            "ssh_port": 2222,
            "tls_chain_file": "own.pem",
        },
    ),
]
