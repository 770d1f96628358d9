"""A company of QuickBooks Online: the Accounting API v3 as the guide has it, and its pages."""

from sandbox.quickbooks.access import authority
from sandbox.quickbooks.api import CLIENT_ID, CLIENT_SECRET, VERIFIER, create
from sandbox.quickbooks.company import REALM, SALES, SHIPPING, TOKEN, Company, Fault

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REALM",
    "SALES",
    "SHIPPING",
    "TOKEN",
    "VERIFIER",
    "Company",
    "Fault",
    "authority",
    "create",
]
