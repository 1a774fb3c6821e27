build() {
    umask 077
    pair() {
        key=$(openssl pkey -in "$1" -pubout 2>/dev/null) &&
            [ "$key" = "$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)" ]
    }
    cd /etc/mailwright/tls || exit
    find . -name '*.names' | while read -r names; do
        pem=${names%.names}.pem
        ! pair "$pem" || continue
        key=${names%.names}.key
        made=$(mktemp -d)
        [ -e "$key" ] || {
            key=$made/key
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key"
        }
        list=$(sed '/^#/d; s/^/DNS:/' "$names" | paste -sd ,)
        openssl req -x509 -new -key "$key" -subj "/CN=temporary" -days 365 \
            -addext "subjectAltName=$list" -out "$made/certificate"
        cat "$key" "$made/certificate" >"$pem.new"
        rm -rf "$pem"
        mv "$pem.new" "$pem"
        rm -r "$made"
    done
}

check() {
    is_shell "$NEXT/etc/mailwright/expiry/run"
    find /etc/mailwright/tls -name '*.pem' | while read -r chain; do
        key=$(openssl pkey -in "$chain" -pubout 2>/dev/null) || refuse "$chain: no private key"
        certificate=$(openssl x509 -in "$chain" -noout -pubkey) ||
            refuse "$chain: no certificate"
        [ "$key" = "$certificate" ] || refuse "key and certificate in $chain do not match"
    done
}

activate() { timed expiry; }
