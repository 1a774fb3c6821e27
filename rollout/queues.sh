# Mail that waits in the queue of another mail server than our Postfix, which takes its place: nobody would deliver it
# any more. Standard output: a line for each queue that is not empty, with its server, the number of messages and where.
waiting() {
    queue exim4 /var/spool/exim4 -path '*/input/*-H'
    queue sendmail /var/spool/mqueue -name '[qQ]f*'
    queue sendmail /var/spool/mqueue-client -name '[qQ]f*'
    queue opensmtpd /var/spool/smtpd/queue -name message
    queue nullmailer /var/spool/nullmailer/queue -name '*'
    queue dma /var/spool/dma -name 'Q*'
    # A Postfix that was here before keeps its queue, unless somebody has put it elsewhere or has several.
    for settings in /etc/postfix $(postconf -h multi_instance_directories 2>/dev/null); do
        folder=$(postconf -c "$settings" -h queue_directory 2>/dev/null) || :
        case $folder in
            '' | /var/spool/postfix) ;;
            *) queue postfix "$folder" -regex '.*/\(active\|deferred\|hold\|incoming\|maildrop\)/.*' ;;
        esac
    done
}

# queue SERVER FOLDER TESTS...: those of find(1) that are true for one file of each message.
queue() {
    server=$1
    shift
    count=$(find "$@" -type f 2>/dev/null | wc -l)
    [ "$count" -eq 0 ] || echo "$server $count $1"
}
