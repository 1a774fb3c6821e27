# There is no check of the file but to start with it; what starts makes its socket.
check() {
    file=$NEXT/etc/redis/redis.conf
    [ -e "$file" ] || file=/etc/redis/redis.conf
    timeout 10 redis-server "$file" --unixsocket "$NEXT/socket" --dir "$NEXT" \
        --save "" --logfile "" >"$NEXT/words" 2>&1 &
    until [ -S "$NEXT/socket" ]; do
        kill -0 $! 2>/dev/null || refuse "$(cat "$NEXT/words")"
        sleep 0.1
    done
    kill $!
    wait $! || :
    rm -f "$NEXT/words"
}

activate() {
    enable_units
    restart
}
