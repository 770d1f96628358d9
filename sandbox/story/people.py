"""Who buys in the whole story: some without an e-mail, one with far too much of an address."""

from dataclasses import replace

from sandbox.catalogue import CUSTOMERS
from sandbox.salla.store import Customer
from sandbox.seeds_crm import PEOPLE, Person

NO_EMAIL = {
    "khalid": CUSTOMERS["khalid"],
    "huda": CUSTOMERS["huda"],
    # with " has no email" behind them, these two names make reasons of 40 and of 41 characters
    "forty": Customer(8812, "Abdullah", "bin Salem Al-Harbi", None, 501000012),
    "forty_one": Customer(8813, "Abdullah", "bin Saleem Al-Harbi", None, 501000013),
    "reem": Customer(8814, "ريم", "القحطاني", None, 501000014),
    "yara": Customer(8815, "Yara", "Al-Dossary", None, 501000015),
}
"""Customers of the store who ordered by mobile number."""

SHOPPERS = {
    **{name: one for name, one in CUSTOMERS.items() if one.email},
    **NO_EMAIL,
    "noura": Customer(8816, "نورة", "الشمري", "noura@example.sa", 501000016),
    "tariq": Customer(8817, "Tariq", "Mansour", "tariq@example.sa", 501000017),
    "jeddah": Customer(8818, "مقهى", "بحر جدة", "cafe@jeddah.example", 501000018),
    "majlis": Customer(8819, "Majlis", "Catering", "orders@majlis.example", 501000019),
}

PASTED = (
    "12 Canal Street, second door on the left after the loading bay. " * 8
    + "Deliveries before noon only, ring twice, ask for Sam or for Alex. "
)
"""More than the 500 characters that QuickBooks takes for a line of an address."""

PARTNERS = {
    **PEOPLE,
    "austin": replace(PEOPLE["austin"], where=("hubspot",)),
    "harbor": Person("June", "Park", "Harbor Roasters", "ap@harbor.example"),
    "summit": Person("Alex", "Moore", "Summit Supply", "pay@summit.example"),
    "canal": Person("Sam", "Diaz", "Canal Street Deli", "sam@canal.example", ("hubspot",)),
    "delta": Person("Ines", "Costa", "Delta Foods", None, ("hubspot",)),
    "ridge": Person("Owen", "Lake", "Ridge Outfitters", None, ("hubspot",)),
    "mesa": Person("Rosa", "Lind", "Mesa Kitchens", None, ("quickbooks",)),
    "pine": Person("Noel", "Berg", "Pine & Co", None, ("quickbooks",)),
}
"""Customers of HubSpot and QuickBooks."""
