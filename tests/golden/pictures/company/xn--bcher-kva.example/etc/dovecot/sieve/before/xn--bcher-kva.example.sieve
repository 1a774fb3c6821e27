require ["imap4flags", "regex"];
if header :regex "Importance" "^high" { addflag "\\Flagged"; }
