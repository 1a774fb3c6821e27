"""A mail server, top to bottom: `pyinfra inventory deploy.py`.

The firewall must let the host's services reach each other. Everybody asks the resolver. Postfix
comes after those that it asks, so that it never greets anybody whom it cannot serve. What deletes
mail comes after every role that says which mailboxes there are. The last line takes away what a
role had that stands here no more.
"""

from roles.acme import acme
from roles.alarm import alarm
from roles.base import base
from roles.dovecot import dovecot
from roles.firewall import firewall
from roles.mta_sts_resolver import mta_sts_resolver
from roles.nginx import nginx
from roles.postfix import postfix
from roles.purge import purge
from roles.redis import redis
from roles.rspamd import rspamd
from roles.srs import srs
from roles.storage import storage
from roles.tls import tls
from roles.unbound import unbound
from roles.waiting import waiting
from rollout.departed import departed

base()
alarm()
firewall()
unbound()
tls()
dovecot()
storage()
redis()
rspamd()
srs()
mta_sts_resolver()
postfix()
waiting()
nginx()
acme()
purge()
departed(name="What has left")
