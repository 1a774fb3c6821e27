"""How a host keeps the mail of its mailboxes on disk: Dovecot's mail_driver."""

from __future__ import annotations

from mailwright.model.problems import Invalid, listed

MAILDIR, MDBOX = "maildir", "mdbox"
# The folder in a mailbox's home that each of them keeps its mail in.
FOLDERS = {MAILDIR: "Maildir", MDBOX: "mdbox"}


def mail_driver(value: object) -> str:
    """`maildir`, a file for each message, or `mdbox`, many messages in one. Raises Invalid."""
    if value in FOLDERS:
        return str(value)
    raise Invalid(value, "is unknown", listed(FOLDERS))
