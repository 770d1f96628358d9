"""A HubSpot account: CRM objects and commerce invoices as the guide has them, and its pages."""

from sandbox.hubspot.access import CLIENT_ID, CLIENT_SECRET
from sandbox.hubspot.api import create
from sandbox.hubspot.portal import PORTAL, TOKEN, Portal, Refused

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PORTAL", "TOKEN", "Portal", "Refused", "create"]
