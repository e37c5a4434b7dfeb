"""Finding the code that a text means: pasted by a person, or answered by Xero."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.catalogue.codes import CODES, get
from services.catalogue.kinds import Code

Rules = tuple[tuple[str, re.Pattern[str]], ...]

#: XERO11, xero-11, the older XRO011; with a blank only before "error" or a colon, because
#: "paid in Xero 12 days ago" names no code.
_CODE = re.compile(
    r"XE?RO(?:[-_]?0?([0-9]{2})(?![0-9])|[ ]0?([0-9]{2})(?=[ ]?:|[ ](?:sync[ ]|export[ ])?error))", re.I
)
_CODE_ALONE = re.compile(r"XE?RO 0?([0-9]{2})", re.I)

_STRAIGHT_QUOTES = str.maketrans("‘’‚“”„", "'''\"\"\"")
#: Some error texts arrive with their line break still escaped (Expensify/App#73523).
_ESCAPED_BREAK = re.compile(r"\\[nr]\b")


def _rules(*pairs: tuple[str, str]) -> Rules:
    return tuple((code, re.compile(pattern, re.I)) for code, pattern in pairs)


#: The first match wins. A document that Xero has closed comes first: while that stands, mending
#: anything else is of no use. After that, narrow wordings come before wide ones.
_TEXT_RULES = _rules(
    ("XERO31", r"already been marked as paid|has a payment or credit note allocated"),
    ("XERO44", r"invoice status in xero cannot be modified|voided invoices can"),
    ("XERO76", r"voided bills can|exported and then voided|not of valid status for modification"),
    ("XERO76", r"transaction cannot be edited as it has been (?:deleted|voided)"),
    ("XERO12", r"oauth ?1\b"),
    ("XERO99", r"approval limit reached|up to \d+ (?:approved )?bills per month"),
    ("XERO95", r"tax ?type\b.{0,120}(?:cannot be used|does not exist)"),
    ("XERO68", r"not subscribed to currency|currency not set up or enabled"),
    ("XERO33", r"\block date\b"),
    ("XERO87", r"missing or invalid bank account|\b(?:valid|invalid|missing|required) bank ?account"),
    ("XERO87", r"bank ?account\b.{0,60}\b(?:not|invalid|archived|deleted|missing|required|must be)\b"),
    ("XERO78", r"has an invalid category or tag|has an invalid tag"),
    ("XERO78", r"tracking ?(?:category|option)\b.{0,60}(?:\bnot\b|n't\b|invalid|archived|deleted|inactive)"),
    ("XERO93", r"has an invalid category"),
    ("XERO73", r"retrieve (?:the )?(?:xero )?chart of accounts"),
    ("XERO52", r"must have a xero account selected|account ?code must be specified|\baccount must be valid"),
    ("XERO27", r"category not found|account ?code\b.{0,80}(?:not a valid|archived|deleted|not recognised)"),
    ("XERO27", r"\baccount could not be found"),
    ("XERO14", r"billable expenses require a customer"),
    ("XERO08", r"too large to export|exceeds.{0,40}10 ?mb|attachment is larger than|larger than the 10 ?mb"),
    ("XERO83", r"invalid character|characters that are not allowed"),
    ("XERO56", r"load (?:the )?xero contacts|contact list"),
    ("XERO84", r"select which xero organi[sz]ation"),
    ("XERO45", r"rejected the connection's credentials|invalid authentication token"),
    ("XERO11", r"\bconnection\b.{0,40}\bexpired|token ?expired|invalid_grant"),
    ("XERO11", r"authentication (?:error|failed)|auth(?:entication|orization)unsuccessful"),
    ("XERO11", r"connection issue.{0,80}\breconnect"),
    ("XERO46", r"timed out|temporarily unavailable|offline for maintenance|organisation is offline"),
    ("XERO01", r"unable to complete action to xero"),
)

_RANKS = {code: rank for rank, code in enumerate(dict.fromkeys(code for code, _ in _TEXT_RULES))}

#: Of spend money, Xero calls the bank account just "account"; the order of the codes stays.
_BANK_TRANSACTION_RULES = tuple(
    sorted(
        _rules(("XERO87", r"\baccount could not be found")) + _TEXT_RULES,
        key=lambda rule: _RANKS[rule[0]],
    )
)

#: What somebody wrote and Xero repeats: a tag, a category. It says nothing about what is wrong.
_QUOTED = re.compile(r"(?<!\w)'.*?'(?!\w)")

_ACCOUNT = re.compile(
    r"(?i:account)(?i: ?code)? (?:'([^']{1,150})'|\[([^\]]{1,150})\]|([0-9](?:[\w.-]{0,8}\w)?))"
)
_TAX_TYPE = re.compile(r"(?i:tax ?type)(?i: ?code)? ['\[]?([A-Z][A-Z0-9]+)\b")
_CURRENCY = re.compile(r"(?i:subscribed to currency) '?([A-Z]{3})\b")
_MERCHANT = re.compile(
    r"\bexpense (?:\[([^\]]{1,255})\]|(.{1,255}?)) has an invalid|\bexpense: ([^:]{1,255}): ", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What was found in a text; `code` is None for anything the catalogue does not know."""

    text: str  #: the text on one line, without invisible characters
    code: Code | None = None
    named: str | None = None  #: the code as the text names it, in today's spelling, known or not
    account: str | None = None  #: account code or name
    tax_type: str | None = None
    currency: str | None = None
    merchant: str | None = None

    @property
    def summary(self) -> str:
        """One line for a badge or a search result."""
        if self.code:
            return f"{self.code.code}: {self.code.title}"
        if self.named:
            return f"{self.named} is not a known code"
        return "No known code in this text"


def recognise(text: str) -> Recognised:
    """Find the code in any text: a message, a raw answer of Xero, a whole e-mail.

    The first known code that is named wins; else an unknown one that is named; else the wording
    decides. Never raises.
    """
    shown = _one_line(text)
    named = _named(shown)
    if named:
        return _recognised(shown, CODES.get(named), named)
    return _recognised(shown, _by_wording([shown], _TEXT_RULES))


def from_validation(messages: Sequence[str], *, bank_transaction: bool = False) -> Recognised:
    """Translate the `ValidationErrors` that Xero gave for one document into our code.

    `messages` are their `Message` texts in Xero's order. Only the wording counts: a code inside
    them would be somebody's merchant or account name. Never raises.
    """
    lines = [_one_line(message) for message in messages]
    rules = _BANK_TRANSACTION_RULES if bank_transaction else _TEXT_RULES
    wordings = [_QUOTED.sub("''", line.translate(_STRAIGHT_QUOTES)) for line in lines]
    return _recognised(" ".join(lines), _by_wording(wordings, rules))


def rank(code: str) -> int:
    """Return where a code stands among several that one document deserves: the lowest is given."""
    return _RANKS[code]


def _one_line(text: str) -> str:
    """Blanks for line breaks, nothing for what cannot be seen: a zero-width space hides a code, and
    PostgreSQL stores no NUL."""
    visible = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return " ".join(_ESCAPED_BREAK.sub(" ", visible).split())


def _named(text: str) -> str | None:
    """The first known code that `text` names, or else the first unknown one."""
    alone = _CODE_ALONE.fullmatch(text)
    numbers = [alone[1]] if alone else [match[1] or match[2] for match in _CODE.finditer(text)]
    codes = [f"XERO{number}" for number in numbers]
    return next((code for code in codes if code in CODES), codes[0] if codes else None)


def _by_wording(lines: Iterable[str], rules: Rules) -> Code | None:
    plain = [line.translate(_STRAIGHT_QUOTES) for line in lines]
    for code, pattern in rules:
        if any(pattern.search(line) for line in plain):
            return get(code)
    return None


def _recognised(text: str, code: Code | None, named: str | None = None) -> Recognised:
    plain = text.translate(_STRAIGHT_QUOTES)
    return Recognised(
        text=text,
        code=code,
        named=named,
        account=_detail(_ACCOUNT, plain),
        tax_type=_detail(_TAX_TYPE, plain),
        currency=_detail(_CURRENCY, plain),
        merchant=_detail(_MERCHANT, plain),
    )


def _detail(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return next((group for group in match.groups() if group), None) if match else None
