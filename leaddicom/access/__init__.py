"""Who may associate: certificates, addresses and AE titles bound to each other."""

from leaddicom.access.policy import AccessDecision, AccessPolicy
from leaddicom.access.rules import AccessRequest, AccessRule

__all__ = ["AccessDecision", "AccessPolicy", "AccessRequest", "AccessRule"]
