"""The machines of the example, which are hosts of the lab (`mailwright lab up`)."""

_key = "/var/lib/mailwright-lab/ssh/id_ed25519"
_known_hosts = "/var/lib/mailwright-lab/ssh/known_hosts"

mail = [
    (
        "mail.example.com",
        {
            "debian": 12,
            "ipv4": "198.51.100.10",
            "ipv6": "2001:db8::10",
            "dane": True,  # the zone is signed: other servers may demand TLS with our key
            "ssh_user": "root",
            "ssh_key": _key,
            "ssh_known_hosts_file": _known_hosts,
        },
    ),
    (
        "mail.example.org",
        {
            "debian": 13,
            "ipv4": "198.51.100.20",
            "ipv6": "2001:db8::20",
            "dane": True,
            "ssh_user": "root",
            "ssh_key": _key,
            "ssh_known_hosts_file": _known_hosts,
        },
    ),
]
