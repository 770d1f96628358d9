"""Who buys what: customers with names as they really are, and SKUs that nearly match."""

from decimal import Decimal

from sandbox.salla.store import Customer

CUSTOMERS = {
    "nakheel": Customer(8801, "مؤسسة النخيل", "التجارية", "orders@nakheel.example", 501000001),
    "noor": Customer(8802, "Al-Noor", "& Sons", "books@alnoor.example", 501000002),
    "sara": Customer(8821, "Sara", "Ali", "sara@example.sa", 555000111),
    "long": Customer(
        8803,
        "The Honourable Trading and General Contracting Establishment of",
        "Abdulrahman bin Abdulaziz Al-Mutairi and Partners for Import and Export",
        "office@almutairi.example",
        501000003,
    ),
    "loud": Customer(8804, "<!channel>", "*bold* & <b>x</b>", "loud@example.sa", 501000004),
    "emoji": Customer(8805, "Honey 🍯", "Corner ☕", "hello@corner.example", 501000005),
    "fahad": Customer(8806, "Fahad", "Al-Otaibi", "fahad@example.sa", 501000006),
    "mona": Customer(8807, "منى", "الحربي", "mona@example.sa", 501000007),
    "khalid": Customer(8808, "Khalid", "Saleh", None, 501000008),
    "huda": Customer(8809, "هدى", "الزهراني", None, 501000009),
    "dallas": Customer(8810, "Dallas", "Coffee Co.", "ap@dallascoffee.example", 501000010),
    "austin": Customer(8811, "Austin", "Imports", None, 501000011),
}

BUYERS = ("nakheel", "noor", "sara", "fahad", "mona", "emoji", "long", "loud")

# Source SKU -> name and net price; prices of which 15 % is exact, so that both systems agree.
GOODS = {
    "WIDGET-001": ("Widget, small", Decimal(40)),
    "WIDGET-002": ("Widget, large", Decimal(120)),
    "OUD-100": ("دهن عود 100 مل", Decimal(860)),
    "DATES-1KG": ("تمر سكري 1 كجم", Decimal(60)),
    "COFFEE-250": ("Coffee beans 250 g", Decimal(80)),
    "TEA-200": ("Karak tea 200 g", Decimal(20)),
    "SAFFRON-5": ("Saffron 5 g", Decimal(300)),
    "sam-ssd-256g": ("SSD 256G", Decimal(200)),
}

# What the store sells and the books do not know: each differs from a product by next to nothing.
NEAR_MISSES = {
    "HONEY-500": ("عسل سدر 500 جم", Decimal(180)),
    "widget-001": ("Widget, small", Decimal(40)),
    "HONEY-٥٠٠": ("عسل سدر ٥٠٠ جم", Decimal(180)),
    "СОFFEE-250": ("Coffee beans 250 g", Decimal(80)),
    "TEA\u2011200": ("Karak tea 200 g", Decimal(20)),
    "DATES-1KG ": ("تمر سكري 1 كجم", Decimal(60)),
}

# What only the books know: near enough to mislead the eye.
DECOYS = {"honey-500": "Honey 500 g (old label)", "HONEY-250": "Sidr honey 250 g"}

# Products whose documents the books refuse, with texts of 40, 41 and 4,000 characters as stored.
REFUSALS = {
    "LEGACY-40": "Branch is closed for stocktaking",
    "LEGACY-41": "Branch is closed for stock taking",
    "LEGACY-4000": (
        "The posting engine stopped at step 7 of 9. " + "Ledger 4100 rejected the entry; " * 124
    )[:3992],
}
