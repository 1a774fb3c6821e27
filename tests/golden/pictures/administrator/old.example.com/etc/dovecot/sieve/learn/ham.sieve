# templates/etc/dovecot/sieve/learn/ham.sieve.j2 wrote this file; the next deploy overwrites a change made here.
# Runs for each message that comes out of Junk.
require ["copy", "environment", "imapsieve", "vnd.dovecot.pipe"];

# Who throws spam away does not say that it is none.
if environment :matches "imap.mailbox" ["Trash", "Trash/*", "*/Trash", "Junk", "Junk/*", "*/Junk"] {
    stop;
}
pipe :copy "learn" "ham";
