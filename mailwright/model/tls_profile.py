"""Which TLS 1.2 suites a port takes; those of TLS 1.3 are the same everywhere.

`intermediate` is Mozilla's Server Side TLS 6.0: AEAD with forward secrecy. It is the profile of
every port, and on port 25 the default. There `compatible` may replace it: a server that shares no
suite with us sends in cleartext, since SMTP between servers is opportunistic (RFC 7435), so that
any suite with a known peer is better than none. Both begin at TLS 1.2.
"""

INTERMEDIATE = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)

# What `high` without anonymous, pre-shared and exotic suites adds: CBC, DHE and RSA key exchange.
COMPATIBLE = (
    *INTERMEDIATE,
    *(
        f"{exchange}-AES{bits}-{mac}"
        for exchange in ("ECDHE-ECDSA", "ECDHE-RSA")
        for bits, mac in ((128, "SHA256"), (256, "SHA384"), (128, "SHA"), (256, "SHA"))
    ),
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305",
    *(
        f"{exchange}AES{bits}-{mac}"
        for exchange in ("DHE-RSA-", "")
        for bits in (128, 256)
        for mac in ("SHA256", "SHA")
    ),
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)

PROFILES = {"intermediate": INTERMEDIATE, "compatible": COMPATIBLE}
