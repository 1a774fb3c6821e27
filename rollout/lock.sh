# lock: one at a time changes a host, a deploy or a renewal (templates/etc/mailwright/acme/serve). LOCK is the file.
lock() {
    exec 9>"$LOCK"
    flock -w 120 9 || { echo "another deploy holds this host" >&2; exit 1; }
}
