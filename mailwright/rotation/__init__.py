"""DKIM keys that replace each other without a gap.

A key is published before it signs, and stays published as long as mail that it signed may be on its
way. `keys.dkim_files` remembers since when, `look` what name servers show, `signers` which
hosts use it, `steps` what follows from these three, and `mailwright rotate` does it.
"""
