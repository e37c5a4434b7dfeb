"""The 23 documented codes; messages are the platform's own words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.catalogue.kinds import Actor, Category, Code, Kind, RetryClass


class UnknownCode(LookupError):
    """The catalogue has no such code."""


_ALL = (
    Code(
        code="XERO01",
        kind=Kind.BOTH,
        title="Action not completed",
        message="Unable to complete action to Xero. Please reach out to Concierge for additional assistance.",
        meaning="Something interrupted the talk with Xero, and Xero did not say what.",
        cause="An expired or withdrawn connection, a change of permissions in Xero, or a short outage.",
        fix="Sync once more. If it fails again, send the full message to Concierge.",
        actor=Actor.SUPPORT,
        category=Category.CONNECTION,
        retry=RetryClass.LATER,
        workspace_wide=True,
    ),
    Code(
        code="XERO08",
        kind=Kind.EXPORT,
        title="Report PDF too large",
        message="PDF of report is too large to export (>10MB). Please reach out to Concierge for additional "
        "assistance.",
        meaning="Your report's PDF is larger than the 10 MB that Xero accepts.",
        cause="Many or very large receipt images on one report.",
        fix="Remove duplicate attachments or replace large images with smaller ones, then export again.",
        actor=Actor.SUBMITTER,
        category=Category.DATA,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO11",
        kind=Kind.BOTH,
        title="Connection expired",
        message="The connection to Xero has expired. Please follow prompts in the workspace to reconnect.",
        meaning="Xero no longer accepts your workspace's login, so nothing can be synced or exported.",
        cause="The login expired, was revoked in Xero, or Xero asks for it to be given again.",
        fix="Reconnect with the Xero admin login that set up the connection, sync, then retry the failed "
        "exports.",
        actor=Actor.XERO_ADMIN,
        category=Category.CONNECTION,
        retry=RetryClass.RECONNECT,
        workspace_wide=True,
    ),
    Code(
        code="XERO12",
        kind=Kind.SYNC,
        title="Retired connection type",
        message="This workspace is connected to Xero with the retired OAuth 1.0 API. Please disconnect and "
        "reconnect Xero in the workspace.",
        meaning="Your workspace uses a kind of connection that Xero has switched off.",
        cause="The workspace was connected before Xero retired OAuth 1.0 in 2021.",
        fix="Write down the Xero settings, disconnect, connect again and set them anew. A plain reconnect "
        "does not help.",
        actor=Actor.XERO_ADMIN,
        category=Category.CONNECTION,
        retry=RetryClass.RECONNECT,
        workspace_wide=True,
    ),
    Code(
        code="XERO14",
        kind=Kind.EXPORT,
        title="Customer missing",
        message="Billable expenses require a customer. Please associate a customer on all billable "
        "transactions before exporting to Xero.",
        meaning="A billable expense on your report has no customer.",
        cause="The customer tag is empty, or the customer was not imported from Xero.",
        fix="Choose a customer on each billable expense. If it is not in the list, sync first.",
        actor=Actor.SUBMITTER,
        category=Category.DATA,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO27",
        kind=Kind.EXPORT,
        title="Category not found",
        message="Category not found. The category may be deleted or inactive in Xero so please select new "
        "category.",
        meaning="A category on your report has no usable account in Xero.",
        cause="The account was deleted or archived, or is not shown in expense claims.",
        fix="Restore the account in Xero or choose another category, sync, then export again.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO31",
        kind=Kind.EXPORT,
        title="Already paid in Xero",
        message="This expense has already been marked as paid in Xero, so it can't be updated.",
        meaning="The bill is in Xero and paid, so Xero refuses to change it.",
        cause="The report was exported before, and a payment was recorded on its bill.",
        fix="If the bill must change, remove the payment in Xero with Remove and Redo, then export again. Do "
        "not void the bill.",
        actor=Actor.XERO_ADMIN,
        category=Category.XERO_DOCUMENT,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO33",
        kind=Kind.EXPORT,
        title="Before the lock date",
        message="The report can't be exported because it's dated before the year-end lock date. Please "
        "update the year-end lock date in Xero and attempt to export again.",
        meaning="Your report is dated in a period that is locked in Xero.",
        cause="The lock date in Xero is later than the date of the report.",
        fix="Change the lock date in Xero's financial settings or change the date, sync, then export again.",
        actor=Actor.XERO_ADMIN,
        category=Category.XERO_CONFIGURATION,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO44",
        kind=Kind.EXPORT,
        title="Invoice voided in Xero",
        message="Invoice status in Xero cannot be modified. This invoice was previously exported and then "
        "voided in Xero. Voided invoices can't be updated or re-exported.",
        meaning="The invoice was voided in Xero and can never be exported again.",
        cause="Somebody voided the invoice in Xero after it was exported.",
        fix="Move the expenses to a new invoice and export that, or create the invoice in Xero by hand.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.XERO_DOCUMENT,
        retry=RetryClass.NEVER,
    ),
    Code(
        code="XERO45",
        kind=Kind.BOTH,
        title="Credentials rejected",
        message="Unable to sync Xero data because Xero rejected the connection's credentials. Please "
        "reconnect Xero in the workspace.",
        meaning="Xero rejected your workspace's login, so nothing can be synced or exported.",
        cause="Access was revoked in Xero, or the connected user lost access to the organisation.",
        fix="Reconnect with a Xero admin of the organisation, sync, then retry the failed exports. Do not "
        "disconnect: that deletes your settings.",
        actor=Actor.XERO_ADMIN,
        category=Category.CONNECTION,
        retry=RetryClass.RECONNECT,
        workspace_wide=True,
    ),
    Code(
        code="XERO46",
        kind=Kind.BOTH,
        title="Xero busy",
        # The platform names this code but publishes no text for it.
        message="The request to Xero timed out or Xero was busy. Please try again later.",
        meaning="Xero was too busy to answer; your connection is fine.",
        cause="A request timed out, or Xero was busy or down for a while.",
        fix="Wait and try again; you need not reconnect. Before you resend, check that the report is not "
        "already in Xero.",
        actor=Actor.NOBODY,
        category=Category.TRANSIENT,
        retry=RetryClass.LATER,
        workspace_wide=True,
    ),
    Code(
        code="XERO52",
        kind=Kind.EXPORT,
        title="Category missing",
        message="All expenses must have a Xero account selected as the category.",
        meaning="An expense on your report has no category that is a Xero account.",
        cause="The expense has no category, or one that did not come from Xero.",
        fix="Choose a category imported from Xero for every expense, then export again.",
        actor=Actor.SUBMITTER,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO56",
        kind=Kind.EXPORT,
        title="Contacts not loaded",
        message="Unable to load Xero contacts.",
        meaning="Your Xero contacts could not be read, so the export had nobody to be addressed to.",
        cause="The contact import failed, or the organisation has close to 10,000 contacts or more.",
        fix="Sync and export again. If it stays, archive contacts you no longer use in Xero.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.TRANSIENT,
        retry=RetryClass.LATER,
        workspace_wide=True,
    ),
    Code(
        code="XERO68",
        kind=Kind.EXPORT,
        title="Currency not enabled",
        message="Currency not set up or enabled in Xero. Please add the currency in Xero, and try exporting "
        "again.",
        meaning="Your report is in a currency that the Xero organisation does not use.",
        cause="The currency was not added in Xero, or the Xero plan has no multi-currency.",
        fix="Add the currency in Xero, sync, then export again.",
        actor=Actor.XERO_ADMIN,
        category=Category.XERO_CONFIGURATION,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO73",
        kind=Kind.SYNC,
        title="No usable accounts",
        message="Could not retrieve Xero chart of accounts. Please make sure the accounts in Xero are set to "
        "'Expense' type and have 'Show in Expense Claims' enabled.",
        meaning="Your Xero organisation has no account that can be a category.",
        cause="No account is of type Expense and shown in expense claims.",
        fix="In Xero, set at least one account to Expense and to Show in Expense Claims, then sync. You need "
        "not reconnect.",
        actor=Actor.XERO_ADMIN,
        category=Category.XERO_CONFIGURATION,
        retry=RetryClass.FIX_FIRST,
        workspace_wide=True,
    ),
    Code(
        code="XERO76",
        kind=Kind.EXPORT,
        title="Bill voided in Xero",
        message="This report was previously exported and then voided in Xero. Voided bills can't be updated "
        "or re-exported.",
        meaning="The bill was voided in Xero and can never be exported again.",
        cause="Somebody voided the bill in Xero after it was exported.",
        fix="Move the expenses to a new report and export that, or create the bill in Xero by hand.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.XERO_DOCUMENT,
        retry=RetryClass.NEVER,
    ),
    Code(
        code="XERO78",
        kind=Kind.EXPORT,
        title="Invalid category or tag",
        message="Expense [merchant name] has an invalid category or tag. Please confirm the selected "
        "category or tag is active within Xero.",
        meaning="An expense uses a category or tag that is not active in Xero.",
        cause="The account or tracking option was deleted or archived, or was not synced.",
        fix="Restore it in Xero or choose another category or tag, sync, then export again.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO83",
        kind=Kind.EXPORT,
        title="Invalid character",
        message="XML post data has an invalid character. Please reach out to Concierge for additional "
        "assistance.",
        meaning="Your report contains a character that Xero cannot read.",
        cause="An unusual or hidden character in a merchant, description, tag or comment.",
        fix="Retype the unusual characters in plain letters, then export again. If it stays, ask Concierge.",
        actor=Actor.SUBMITTER,
        category=Category.DATA,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO84",
        kind=Kind.SYNC,
        title="No organisation chosen",
        message="There was a problem syncing Xero data. Please select which Xero organization or company "
        "this Workspace should sync with.",
        meaning="Your workspace does not know which Xero organisation to use.",
        cause="No organisation was chosen after connecting, or the choice was cleared.",
        fix="Choose the Xero organisation in the workspace's Accounting settings, then sync.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.CONNECTION,
        retry=RetryClass.LATER,
        workspace_wide=True,
    ),
    Code(
        code="XERO87",
        kind=Kind.EXPORT,
        title="Bank account missing",
        message="Missing or invalid bank account. Please confirm an active bank account has been selected in "
        "the Expensify configurations before exporting.",
        meaning="Your company-card expenses have no active Xero bank account to go to.",
        cause="No bank account was selected for card exports, or it was archived in Xero.",
        fix="Select an active Xero bank account in the export settings and sync. This unblocks all card "
        "exports.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
        workspace_wide=True,
    ),
    Code(
        code="XERO93",
        kind=Kind.EXPORT,
        title="Invalid category",
        message="Expense [merchant name] has an invalid category. Please confirm the selected category is "
        "active, listed as an 'Expense' type, and has 'Show in Expense Claims' checked in Xero.",
        meaning="An expense uses a category that Xero does not accept for expenses.",
        cause="The account is inactive, not of type Expense, or not shown in expense claims.",
        fix="Correct the account in Xero or choose another category, sync, then export again.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO95",
        kind=Kind.EXPORT,
        title="Tax does not fit",
        message="The TaxType [XXXX] cannot be used with account [YYYY]. Please select a new category and "
        "attempt to export again.",
        meaning="The tax rate of an expense is not allowed for the account of its category.",
        cause="Xero lets each tax rate be used with certain kinds of account only.",
        fix="Choose a category or tax rate that go together, or correct them in Xero and sync, then export "
        "again.",
        actor=Actor.WORKSPACE_ADMIN,
        category=Category.MAPPING,
        retry=RetryClass.FIX_FIRST,
    ),
    Code(
        code="XERO99",
        kind=Kind.EXPORT,
        title="Xero plan limit",
        message='Xero invoice approval limit reached. The "Early" Xero plan allows up to 5 bills per month. '
        "Please upgrade your plan or retry after the billing cycle resets.",
        meaning="Your Xero plan allows no more bills this month.",
        cause="The organisation is on a Xero plan with a monthly limit of bills.",
        fix="Upgrade the Xero plan, or retry after the billing cycle resets.",
        actor=Actor.XERO_ADMIN,
        category=Category.PLAN_LIMIT,
        retry=RetryClass.LATER,
        workspace_wide=True,
    ),
)

#: Every code by its name, in ascending order.
CODES: Mapping[str, Code] = MappingProxyType({entry.code: entry for entry in _ALL})


def get(code: str) -> Code:
    """Return the entry of `code`, written as in the catalogue ("XERO11"), or raise `UnknownCode`."""
    try:
        return CODES[code]
    except KeyError:
        raise UnknownCode(f"The error catalogue has no code {code!r}.") from None


def message(
    code: str, *, merchant: str | None = None, tax: str | None = None, account: str | None = None
) -> str:
    """Return a code's documented text with its blanks filled in, as far as the particulars are known."""
    text = get(code).message
    for blank, known, otherwise in (
        ("[merchant name]", merchant, "in this report"),
        ("[XXXX]", tax, "of an expense"),
        ("[YYYY]", account, "of its category"),
    ):
        text = text.replace(blank, known or otherwise)
    return text
