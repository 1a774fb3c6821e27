"""A certificate authority that speaks ACME (RFC 8555)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import requests
from acme import challenges, client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from josepy.jwa import ES256, RS256
from josepy.jwk import JWK, JWKEC

from mailwright.model.acme import Acme
from mailwright.order.directory import BOUND
from mailwright.order.proof import Proofs

_PATIENCE = timedelta(seconds=180)


class NotIssued(Exception):  # noqa: N818
    """What the authority says instead of a certificate, as one line."""


@dataclass(frozen=True)
class Ca:
    """The authority of `acme`; `account` is the private key of the account there (PEM)."""

    acme: Acme
    account: str = field(repr=False)

    def order(
        self, names: Sequence[str], key: CertificateIssuerPrivateKeyTypes, proofs: Proofs
    ) -> str:
        """The chain (PEM: leaf, then intermediates) for a private key and host names.

        Raises NotIssued, and what Proofs.shown does.
        """
        with self._heard():
            order = self._client.new_order(_request(names, key))
            pending = [a for a in order.authorizations if a.body.status != messages.STATUS_VALID]
            proven = {each.body.identifier.value: self._challenge(each) for each in pending}
            texts = {
                challenge.validation_domain_name(name): challenge.validation(self._jwk)
                for name, challenge in ((name, body.chall) for name, body in proven.items())
            }
        with proofs.shown(texts), self._heard():
            for body in proven.values():
                self._client.answer_challenge(body, body.chall.response(self._jwk))
            finished = self._client.poll_and_finalize(order, datetime.now() + _PATIENCE)
        return str(finished.fullchain_pem)

    @cached_property
    def _jwk(self) -> JWK:
        return JWK.load(self.account.encode())

    @cached_property
    def _client(self) -> client.ClientV2:
        """With the account, which is made where there is none yet."""
        algorithm = ES256 if isinstance(self._jwk, JWKEC) else RS256
        net = client.ClientNetwork(self._jwk, alg=algorithm, user_agent="mailwright")
        directory = client.ClientV2.get_directory(self.acme.directory, net)
        found = client.ClientV2(directory, net)
        binding = self._binding(directory)
        contact = messages.NewRegistration.from_data(
            email=self.acme.contact,
            terms_of_service_agreed=True,
            external_account_binding=binding,
        )
        try:
            found.new_account(contact)
        except errors.ConflictError as error:
            there = messages.Registration()
            net.account = messages.RegistrationResource(uri=error.location, body=there)
        return found

    def _binding(self, directory: messages.Directory) -> dict[str, Any] | None:
        """What ties the account to the one that the authority's customer has there."""
        if self.acme.eab_kid:
            return dict(
                messages.ExternalAccountBinding.from_data(
                    self._jwk.public_key(), self.acme.eab_kid, self.acme.eab_key, directory
                )
            )
        if directory.meta.external_account_required:
            raise NotIssued(BOUND)
        return None

    def _challenge(self, authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
        for body in authorization.body.challenges:
            if isinstance(body.chall, challenges.DNS01):
                return body
        name = authorization.body.identifier.value
        raise NotIssued(f"{name}: the authority takes no proof in DNS (dns-01)")

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Turn what can happen on the way into one line."""
        try:
            yield
        except errors.ValidationError as error:
            raise NotIssued(_told(error)) from None
        except messages.Error as error:
            raise NotIssued(f"the authority refuses: {error.detail or error.typ}") from None
        except errors.TimeoutError:
            raise NotIssued("the authority has not decided in three minutes") from None
        except (errors.Error, requests.RequestException) as error:
            raise NotIssued(f"{self.acme.directory}: {_line(error)}") from None


def _request(names: Sequence[str], key: CertificateIssuerPrivateKeyTypes) -> bytes:
    """A CSR (RFC 2986) whose only names are the alternative ones."""
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([]))
    request = builder.add_extension(alternative, critical=True).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def _told(error: errors.ValidationError) -> str:
    said = [
        f"{each.body.identifier.value}: {body.error.detail}"
        for each in error.failed_authzrs
        for body in each.body.challenges
        if body.error
    ]
    return "; ".join(said) or "the authority finds no proof"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
