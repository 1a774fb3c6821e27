"""Our records given to name servers: `mailwright push`.

`plan` is what is to be done in a zone, `primary` a server that takes dynamic updates (RFC 2136) and
`tsig` the key to it, `update` the messages, `octodns` whatever octoDNS has a provider for.
"""
