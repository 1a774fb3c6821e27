"""Whether the world sees the records that the mail system needs: `mailwright check`.

`zone` asks for each record and puts together what servers say, `meaning` judges what is published
by its meaning, `check_host` is SPF as receivers evaluate it, `finding` is what comes of it.
"""
