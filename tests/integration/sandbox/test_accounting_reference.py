"""What an integration imports from an organisation."""

from __future__ import annotations

from datetime import date

from tests.integration.sandbox.driver import Driver
from tests.integration.sandbox.papers import send


def test_the_organisation_is_described_with_base_currency_plan_and_short_code(sandbox: Driver) -> None:
    who = sandbox.connected(name="Harbour & Sons Ltd", country="NZ", currency="NZD", plan="PREMIUM")
    _, api = sandbox.sdk(who.token)
    [found] = api.get_organisations(who.organisation["id"]).organisations
    assert (found.name, found.organisation_id) == ("Harbour & Sons Ltd", who.organisation["id"])
    assert (found.base_currency.value, found.country_code.value, found._class) == ("NZD", "NZ", "PREMIUM")
    assert found.short_code == who.organisation["short_code"]


def test_lock_dates_appear_only_once_they_are_set(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, body = send(sandbox, who, "GET", "/Organisation")
    assert "PeriodLockDate" not in body["Organisations"][0]
    sandbox.control("PATCH", f"/organisations/{who.organisation['id']}", period_lock_date="2026-03-31")
    _, api = sandbox.sdk(who.token)
    [found] = api.get_organisations(who.organisation["id"]).organisations
    assert found.period_lock_date == date(2026, 3, 31)


def test_expense_accounts_are_found_by_a_filter(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    where = 'Class=="EXPENSE" AND Status=="ACTIVE"'
    found = {account.code for account in api.get_accounts(who.organisation["id"], where=where).accounts}
    assert {"404", "420", "429", "485", "493", "494"} <= found
    assert not {"090", "200", "498", "800"} & found


def test_the_chart_shows_archived_accounts_and_bank_accounts(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, body = send(sandbox, who, "GET", "/Accounts")
    accounts = {account["Code"]: account for account in body["Accounts"]}
    assert accounts["498"]["Status"] == "ARCHIVED"
    assert accounts["091"]["Type"] == "BANK"
    assert accounts["493"]["ShowInExpenseClaims"] is True


def test_an_account_archived_in_xero_is_listed_as_archived(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", f"/organisations/{who.organisation['id']}/accounts/493", status="ARCHIVED")
    _, body = send(sandbox, who, "GET", "/Accounts", where='Code=="493"')
    assert [account["Status"] for account in body["Accounts"]] == ["ARCHIVED"]


def test_tax_rates_carry_the_countrys_standard_rate(sandbox: Driver) -> None:
    who = sandbox.connected(country="NZ", currency="NZD")
    _, api = sandbox.sdk(who.token)
    rates = {rate.tax_type: rate for rate in api.get_tax_rates(who.organisation["id"]).tax_rates}
    assert rates["INPUT2"].effective_rate == 15
    assert (rates["INPUT2"].can_apply_to_expenses, rates["INPUT2"].can_apply_to_revenue) == (True, False)
    assert rates["NONE"].effective_rate == 0


def test_tracking_categories_come_with_their_options(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    found = api.get_tracking_categories(who.organisation["id"]).tracking_categories
    options = {category.name: {option.name for option in category.options} for category in found}
    assert set(options) == {"Region", "Department"}
    assert "Eastside" in options["Region"]


def test_a_currency_that_is_added_in_xero_is_listed_beside_the_base_currency(sandbox: Driver) -> None:
    who = sandbox.connected(country="NZ", currency="NZD")
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    assert [found.code.value for found in api.get_currencies(tenant).currencies] == ["NZD"]
    sandbox.control("PATCH", f"/organisations/{tenant}", currencies=["NZD", "AUD"])
    assert [found.code.value for found in api.get_currencies(tenant).currencies] == ["AUD", "NZD"]


def test_two_organisations_share_no_identifiers(sandbox: Driver) -> None:
    ids = []
    for who in (sandbox.connected(), sandbox.connected()):
        _, body = send(sandbox, who, "GET", "/Accounts")
        ids.append({account["AccountID"] for account in body["Accounts"]})
    assert not ids[0] & ids[1]


def test_paths_match_whatever_their_case(sandbox: Driver) -> None:
    who = sandbox.connected()
    status, body = send(sandbox, who, "GET", "/trackingcategories")
    assert (status, len(body["TrackingCategories"])) == (200, 2)


def test_without_json_in_accept_the_answer_is_xml(sandbox: Driver) -> None:
    who = sandbox.connected()
    answer = sandbox.http.get("/api.xro/2.0/Accounts", headers=who.headers | {"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/xml")
    assert "<Account><AccountID>" in answer.text
