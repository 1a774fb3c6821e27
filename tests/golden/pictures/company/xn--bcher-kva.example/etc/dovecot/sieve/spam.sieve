# templates/etc/dovecot/sieve/spam.sieve.j2 wrote this file; the next deploy overwrites a change made here.
# Postfix has removed this header from what came in, and Rspamd has set it where the score says spam.
require ["fileinto", "mailbox"];

if header :is "X-Spam" "Yes" {
    fileinto :create "Junk";
    stop;
}
