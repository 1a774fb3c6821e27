"""A small internet on one machine: hosts, DNS, an authority, someone else's mail server.

`lab.lab.Lab` is one of them; `command` is what a user types. From the ground up: `machine` (what
this machine has and says), `home` (what outlives a lab), `cgroup` and `service` (processes),
`network` and `addresses`; `image`, `disk` and `host` (servers); `zones` and `nameserver` (DNS);
`packages`, `authority`, `keys`; `inventory` (what mailwright describes), `foreign` and
`elsewhere/` (the mail server that is not mailwright's); `plan` and `lab`.
"""
