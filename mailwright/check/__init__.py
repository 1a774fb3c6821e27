"""Whether the world sees the records that the mail system needs: `mailwright check`.

`zone` asks for each record and puts together what servers say, `check_host` is SPF as receivers
evaluate it, `preflight` asks a machine before its first deploy.
"""
