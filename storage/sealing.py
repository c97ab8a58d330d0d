"""Encryption at rest: AES-256-GCM with associated data and a key ring.

A sealed value reads `v1.<key id>.<nonce>.<ciphertext>`, base64url. The associated data (user, row, field) is not stored: a
value copied to another row does not open.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class CannotOpen(Exception):
    """The value was sealed with a key that is not in the ring, for another row, or was changed."""


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@dataclass(frozen=True, repr=False)
class Keyring:
    """`keys` maps key ids to 32-byte keys; the first seals, all open."""

    keys: dict[str, bytes]

    @classmethod
    def of(cls, secrets: list[str]) -> Keyring:
        """From strings of 32 characters or more; each is stretched to a key of its own."""
        derived = [hashlib.sha256(b"ampost-at-rest:" + secret.encode()).digest() for secret in secrets]
        return cls({hashlib.sha256(key).hexdigest()[:8]: key for key in derived})

    @property
    def current(self) -> str:
        return next(iter(self.keys))

    def seal(self, value: str, *about: str) -> str:
        nonce = os.urandom(12)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, value.encode(), "\x1f".join(about).encode())
        return f"v1.{self.current}.{_encode(nonce)}.{_encode(sealed)}"

    def open(self, sealed: str, *about: str) -> str:
        try:
            version, key_id, nonce, body = sealed.split(".")
            if version != "v1":
                raise CannotOpen
            associated = "\x1f".join(about).encode()
            return AESGCM(self.keys[key_id]).decrypt(_decode(nonce), _decode(body), associated).decode()
        except (ValueError, KeyError, InvalidTag) as error:
            raise CannotOpen("sealed with a key that is not in AMPOST_SECRET_KEYS, or not for this row") from error

    def is_current(self, sealed: str) -> bool:
        return sealed.split(".")[1:2] == [self.current]

    def derive(self, purpose: str) -> bytes:
        """32 bytes for another use (MCP's request state), the same in every process with this ring."""
        return hashlib.sha256(b"ampost:" + purpose.encode() + self.keys[self.current]).digest()
