require "imap4flags";
if header :is "Importance" "high" { addflag "\\Flagged"; }
