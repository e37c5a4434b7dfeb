"""Words that the demo world is made of."""

from __future__ import annotations

#: Merchants by the account code they are booked to.
MERCHANTS = {
    "412": ("Fielding Advisory", "Marsh & Orr Consulting"),
    "420": ("Corner Coffee House", "The Copper Kettle", "Fenwick & Lowe Catering"),
    "425": ("ParcelPoint", "Swiftline Couriers"),
    "429": ("Stationers Row", "Harrow Hardware"),
    "449": ("Orchard Garage", "Motorway Fuel Stop"),
    "461": ("Inkwell Print", "Stationers Row"),
    "463": ("Hartwell Hosting", "Cloudmoor Software"),
    "485": ("The Trade Weekly", "Design Index"),
    "489": ("Northwave Mobile", "Clearline Telecom"),
    "493": ("Parkway Cabs", "Northline Rail", "Meridian Hotels"),
    "494": ("Bluebird Airways", "Meridian Hotels"),
}

TITLES = (
    "Client visit",
    "Monthly subscriptions",
    "Trade fair",
    "Team offsite",
    "Office supplies",
    "Site survey",
    "Supplier meeting",
    "Training course",
    "Recruitment trip",
    "Car and fuel",
)

#: Who submits reports; Xero keeps most of them as contacts.
PEOPLE = (
    "Amelia Ward",
    "Callum Reid",
    "Jonas Berg",
    "Leila Haddad",
    "Mateo Silva",
    "Ingrid Solheim",
    "Ruth Achterberg",
    "Dev Malhotra",
)

#: Workspaces that were never connected, or chose no organisation.
UNCONNECTED = (
    "Ashdown Pottery",
    "Bellweather Analytics",
    "Cinder & Oak",
    "Dunmore Textiles",
    "Eastgate Choir Trust",
    "Fernhill Dairy",
    "Granary Street Studio",
    "Hazel Point Surf School",
    "Ironbridge Castings",
    "Jasper Lane Tea",
    "Kingfisher Lettings",
    "Lowland Seed Company",
    "Mossbank Kennels",
    "Nettlecombe Press",
    "Orrery Instruments",
    "Pebble & Tide",
    "Quillon Fencing Club",
    "Rookery Farm Shop",
    "Sandpiper Sailing",
    "Thistle Down Bedding",
    "Umber Gallery",
    "Vale of Elms Cider",
    "Windrush Canoes",
    "Yarrow Apothecary",
    "Zephyr Kites",
)

LEGAL_FORMS = (
    " (Pty) Ltd", " Pte Ltd", " Pty Ltd", " Ltd", " LLP", " Limited", " LLC", " Inc", " GmbH", " B.V.",
)  # fmt: skip


def workspace_name(organisation_name: str) -> str:
    """Return what a customer calls the workspace of an organisation: its name without the legal form."""
    for form in LEGAL_FORMS:
        organisation_name = organisation_name.removesuffix(form)
    return organisation_name
