"""What we publish, in a zone that others publish in as well.

`present` is the zone as it is, `senders` puts SPF records together, `merge` says what has to change
and what is in the way, `memory` knows what was ours before. Whatever writes DNS goes through here.
"""
