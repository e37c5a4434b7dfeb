"""The states things are in: one word each, the same in code, tables, URLs and on screen."""

from __future__ import annotations

from enum import StrEnum


class Health(StrEnum):
    """Health of a Connection; shown only together with when it was verified."""

    NOT_CONNECTED = "not connected"  #: never connected, or disconnected here on purpose
    HEALTHY = "healthy"  #: last checked by a call that succeeded
    AT_RISK = "at risk"  #: works, but its login will expire soon for lack of use
    SYNCING = "syncing"  #: a sync is running
    STALLED = "stalled"  #: a sync has run for longer than it should
    EXPIRED = "expired"  #: XERO11: Xero no longer accepts the login
    DISCONNECTED = "disconnected"  #: XERO11 class: the login works, the organisation is gone from it
    WRONG_ROLE = "wrong role"  #: the login may no longer act for the organisation
    MISSING_SCOPE = "missing scope"  #: a permission was not granted; only a new consent helps
    NEEDS_ORGANISATION = "needs organisation"  #: XERO84: no organisation chosen
    SYNC_ERROR = "sync error"  #: the connection works, an import failed for another reason
    UNAVAILABLE = "Xero unavailable"  #: Xero did not answer; nobody here has to act


#: Healths of a connection that works, as far as Xero last said.
WORKING = frozenset({Health.HEALTHY, Health.AT_RISK})

#: Healths with which exports may be sent; while Xero does not answer, a run waits and goes on by itself.
CAN_EXPORT = frozenset({Health.HEALTHY, Health.AT_RISK, Health.SYNCING, Health.STALLED, Health.UNAVAILABLE})

#: Healths that only a person can mend.
NEEDS_PERSON = frozenset(
    {
        Health.EXPIRED,
        Health.DISCONNECTED,
        Health.WRONG_ROLE,
        Health.MISSING_SCOPE,
        Health.NEEDS_ORGANISATION,
        Health.SYNC_ERROR,
    }
)

#: Healths that a reconnect mends.
NEEDS_RECONNECT = NEEDS_PERSON - {Health.SYNC_ERROR}


class SyncState(StrEnum):
    """State of one run of Sync Now."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class ExportState(StrEnum):
    """State of the delivery of one document into Xero."""

    WAITING = "waiting"  #: approved, not yet tried
    SENDING = "sending"  #: claimed by a run; an attempt is written
    DELIVERED = "delivered"  #: in Xero, with Xero's id
    FAILED = "failed"  #: refused, with a code
    IN_DOUBT = "in doubt"  #: sent, answer unknown; leaves only through a look-up in Xero
    HELD = "held"  #: not tried because the connection is broken
    SET_ASIDE = "set aside"  #: closed without sending by a named person, with a reason


#: States of exports that are still owed to Xero.
UNDELIVERED = frozenset(
    {ExportState.WAITING, ExportState.SENDING, ExportState.FAILED, ExportState.IN_DOUBT, ExportState.HELD}
)

#: States a retry may act on.
RETRYABLE = frozenset({ExportState.WAITING, ExportState.FAILED, ExportState.IN_DOUBT, ExportState.HELD})


class ExportKind(StrEnum):
    """Which document in Xero an Export becomes."""

    BILL = "bill"  #: out-of-pocket report: a purchase bill (ACCPAY)
    BANK_TRANSACTION = "bank transaction"  #: company-card expense: spend money


class AttemptState(StrEnum):
    """What is known of one try to send an Export."""

    SENT = "sent"  #: written before the call; no answer stored yet
    DELIVERED = "delivered"
    REFUSED = "refused"  #: Xero answered no; nothing was created
    UNKNOWN = "unknown"  #: sent, answer lost
    NOT_SENT = "not sent"  #: the call never did any work


class IncidentState(StrEnum):
    """State of an Incident; closed only when nothing of it is left over."""

    OPEN = "open"
    ADMIN_TOLD = "admin told"
    RECONNECTING = "reconnecting"
    RECONNECTED = "reconnected"
    RELEASING = "releasing"
    CLOSED = "closed"


class ReconnectState(StrEnum):
    """State of one run of the guided wizard."""

    STARTED = "started"
    SENT_TO_XERO = "sent to Xero"
    RETURNED = "returned"
    VERIFIED = "verified"
    REFUSED = "refused"
    ABANDONED = "abandoned"


#: States of a reconnect that may still come to something.
RECONNECT_UNDER_WAY = frozenset(
    {ReconnectState.STARTED, ReconnectState.SENT_TO_XERO, ReconnectState.RETURNED}
)


class LinkState(StrEnum):
    """State of a reconnect link."""

    SENT = "sent"  #: made, and on its way or handed over by hand
    OPENED = "opened"  #: somebody who holds it asked for the code
    AUTHORISED = "authorised"  #: its holder gave consent at Xero, and it was accepted
    VERIFIED = "verified"  #: a sync proved the repair
    EXPIRED = "expired"  #: seven days are over
    REVOKED = "revoked"  #: taken back by a person, replaced, or no longer needed


#: States in which a link still leads to its wizard.
LINK_LIVE = frozenset({LinkState.SENT, LinkState.OPENED, LinkState.AUTHORISED})


class MessageState(StrEnum):
    """State of one message to a person or a channel."""

    QUEUED = "queued"
    SENDING = "sending"  #: claimed; whether it left is unknown until the answer is stored
    SENT = "sent"
    FAILED = "failed"


class ChangeState(StrEnum):
    """State of a change of the Xero admin that a workspace's admin asked for."""

    ASKED = "asked"
    APPROVED = "approved"  #: one other Xero user of the same organisation is accepted
    DECLINED = "declined"
    USED = "used"  #: the other Xero user was accepted; it counts once
    EXPIRED = "expired"  #: approved, or waiting for an answer, for too long


#: States in which a change of the Xero admin is still to come.
CHANGE_OPEN = frozenset({ChangeState.ASKED, ChangeState.APPROVED})


class ReceiptState(StrEnum):
    """State of one receipt of an Export: a file that is attached to its document in Xero."""

    WAITING = "waiting"  #: for its document to be delivered, or for its turn
    ATTACHED = "attached"
    FAILED = "failed"  #: refused, with a code or Xero's words


class MarkState(StrEnum):
    """State of a person's word that an Export is in Xero already."""

    ASKED = "asked"  #: the worker looks it up in Xero
    CONFIRMED = "confirmed"  #: Xero has it, and it fits; the export counts as delivered
    DECLINED = "declined"  #: Xero does not have it, or it is another document
    TAKEN_BACK = "taken back"  #: by a person; the export is owed again


class Verdict(StrEnum):
    """What a RetryPlan says about one Export, before anything is sent."""

    JUDGING = "being judged"  #: a long plan: the worker is on its way through it
    WILL_SEND = "will send"
    LOOK_UP = "in doubt, will look up"
    RECEIPTS = "in Xero, will attach receipts"
    ALREADY_IN_XERO = "already in Xero"
    UNDER_WAY = "in another retry"
    DISCONNECTED = "blocked: still disconnected"
    FIX_FIRST = "blocked: fix first"
    LOCKED = "blocked: locked period"
    NEVER = "never"
    CHANGED = "changed since you looked"  #: between the plan and its start
    LEFT_OUT = "left out"  #: its workspace was not chosen at the start


#: Verdicts with which an item of a plan is worked on.
GOES = frozenset({Verdict.WILL_SEND, Verdict.LOOK_UP, Verdict.RECEIPTS})


class RunState(StrEnum):
    """State of a RetryRun and of each of its lanes."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class Role(StrEnum):
    """What a Member is to Relink."""

    OWNER = "owner"
    AGENT = "support agent"
    MANAGER = "manager"
    ADMIN = "workspace admin"
    GUEST = "link guest"  #: came by a reconnect link; no member, and sees that one wizard
