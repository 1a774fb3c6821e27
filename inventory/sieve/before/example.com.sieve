# For everybody at example.com, before the script of the mailbox's owner.
require "imap4flags";

if header :is ["Importance", "X-Priority"] ["high", "1"] {
    addflag "\\Flagged";
}
