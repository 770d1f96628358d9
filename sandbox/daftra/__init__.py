"""A site of Daftra: api2 and the v2 lists as the guide describes them, and the site's pages."""

from sandbox.daftra.api import create
from sandbox.daftra.site import KEY, Client, Document, Line, Product, Site, Tax

__all__ = ["KEY", "Client", "Document", "Line", "Product", "Site", "Tax", "create"]
