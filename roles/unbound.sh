# The first start would bring the anchor, but the check wants it before.
build() { /usr/libexec/unbound-helper root_trust_anchor_update; }

check() { words=$(unbound-checkconf 2>&1) || refuse "$words"; }

# Its sockets are opened once: a reload would keep the old ones.
activate() {
    enable_units
    restart
}
