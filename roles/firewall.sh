check() {
    rules=$NEXT/etc/nftables.conf
    [ -e "$rules" ] || rules=/etc/nftables.conf
    nft --check --file "$rules" || refuse "nft refuses /etc/nftables.conf"
}
