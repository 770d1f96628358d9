"""The switch of the try-out: QuickBooks' token ends, and a day's invoices wait behind it."""

import threading
from datetime import UTC, datetime

from sandbox.hubspot.portal import Portal
from sandbox.oauth import Authority
from sandbox.seeds_crm import GOODS

WAITING = 312
FIRST = 1
"""The one that meets the refusal: it fails and says so, the others wait."""

BUYERS = ("ap@dallascoffee.example", "books@alnoor.example", "ap@harbor.example")
DEAR = "OUD-100"


class TokenSwitch:
    """Ends what QuickBooks granted, and lets HubSpot sell."""

    def __init__(self, portal: Portal, authority: Authority) -> None:
        self._portal = portal
        self._authority = authority
        self._lock = threading.Lock()
        self._sold = False

    def __call__(self) -> None:
        """Revoke every token; at first also put the invoices into HubSpot, without webhooks.

        A sweep finds them all at once: a thousand webhooks would say no more.
        """
        self._authority.revoke()
        with self._lock:
            if self._sold:
                return
            self._sold = True
            told, self._portal.told = self._portal.told, None
            try:
                self._sell()
            finally:
                self._portal.told = told

    def _sell(self) -> None:
        today = datetime.now(UTC).date()
        contacts = [self._portal.get("contacts", email, "email").id for email in BUYERS]
        name, price = GOODS[DEAR]
        for turn in range(FIRST + WAITING):
            quantity = str(10 + turn % 15)
            line = {"name": name, "hs_sku": DEAR, "price": price, "quantity": quantity}
            self._portal.sale(contacts[turn % len(contacts)], [line], at=today)
