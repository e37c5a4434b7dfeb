"""Settings: a wrong start says which variable is at fault, and never what its value was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from services.settings import Settings, SettingsError, load_settings

KEY, OLDER = (Fernet.generate_key().decode() for _ in range(2))
NEEDED = {
    "RELINK_ENCRYPTION_KEYS": KEY,
    "RELINK_COOKIE_SECRET": "a-cookie-secret-for-tests-of-40-letters-",
    "RELINK_OIDC_METADATA_URL": "https://login.example/.well-known/openid-configuration",
    "RELINK_OIDC_CLIENT_ID": "relink",
    "RELINK_OIDC_CLIENT_SECRET": "oidc-secret",
    "RELINK_XERO_CLIENT_ID": "xero-client",
    "RELINK_XERO_CLIENT_SECRET": "xero-secret",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A folder without files, and an environment with what is needed and no more."""
    monkeypatch.chdir(tmp_path)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()


def test_what_is_needed_is_enough_and_points_at_the_real_xero(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.xero_api_url == "https://api.xero.com"
    assert settings.xero_redirect_uri == "http://localhost:8501/connect/xero/callback"
    assert settings.sandbox_url == ""
    assert settings.host == "127.0.0.1"
    assert "offline_access" in settings.xero_scopes.split()


@pytest.mark.parametrize("name", NEEDED)
def test_each_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert f"{name}: is not set" in str(error.value)


def test_all_that_is_wrong_is_said_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("RELINK_OIDC_CLIENT_ID")
    environment.setenv("RELINK_PORT", "no number")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert all(name in str(error.value) for name in ("RELINK_OIDC_CLIENT_ID", "RELINK_PORT"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELINK_ENCRYPTION_KEYS", "not-a-fernet-key"),
        ("RELINK_ENCRYPTION_KEYS", " , "),
        ("RELINK_COOKIE_SECRET", "too-short"),
    ],
)
def test_an_unusable_secret_is_named_and_not_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert name in str(error.value)
    assert value.strip(" ,") == "" or value not in str(error.value)


def test_secrets_do_not_show_when_the_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    shown = repr(load_settings())
    secrets = (KEY, NEEDED["RELINK_COOKIE_SECRET"], "oidc-secret", "xero-secret")
    assert not [secret for secret in secrets if secret in shown]


def test_lists_are_written_with_commas_the_newest_key_first(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RELINK_ENCRYPTION_KEYS", f"{KEY}, {OLDER}")
    environment.setenv("RELINK_OWNER_EMAILS", "olga@relink.example,, otto@relink.example ")
    settings = load_settings()
    assert [key.get_secret_value() for key in settings.encryption_keys] == [KEY, OLDER]
    assert settings.owner_emails == ["olga@relink.example", "otto@relink.example"]


def test_a_slash_at_the_end_of_an_address_makes_no_difference(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RELINK_PUBLIC_URL", "https://relink.example/")
    assert load_settings().xero_redirect_uri == "https://relink.example/connect/xero/callback"


def test_the_environment_wins_over_env_which_wins_over_what_make_run_wrote(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "var").mkdir()
    lines = "RELINK_HOST=127.0.0.9\nRELINK_PORT=1\nRELINK_WORKER_ID=made\n"
    (tmp_path / "var" / "local.env").write_text(lines)
    (tmp_path / ".env").write_text("RELINK_HOST=127.0.0.8\nRELINK_PORT=2\n")
    environment.setenv("RELINK_PORT", "3")
    settings = load_settings()
    assert (settings.host, settings.port, settings.worker_id) == ("127.0.0.8", 3, "made")


@pytest.mark.parametrize(
    ("database", "work", "engine"),
    [
        ("sqlite:///var/relink.db", "", "sqlite:///var/relink.work.db"),
        ("postgresql://db/relink", "", "postgresql://db/relink"),
        ("postgresql://db/relink", "postgresql://db/work", "postgresql://db/work"),
    ],
)
def test_the_engine_keeps_its_tables_beside_the_store_unless_told_otherwise(
    environment: pytest.MonkeyPatch, database: str, work: str, engine: str
) -> None:
    environment.setenv("RELINK_DATABASE_URL", database)
    environment.setenv("RELINK_WORK_DATABASE_URL", work)
    assert Settings().engine_url == engine


def test_without_them_there_is_no_mail_and_no_channel(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert (settings.mail_url.get_secret_value(), settings.notify_urls) == ("", [])


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://user:pass,word@smtp.example.com/?from=relink@example.com&to={to}",
        "json://localhost:8502/mail/{to}",
        "sendgrid://key:relink@example.com/{to}",
    ],
)
def test_the_mail_service_is_one_address_with_a_place_for_the_recipient(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("RELINK_MAIL_URL", url)
    assert load_settings().mail_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", []),
        ("slack://a/b/c", ["slack://a/b/c"]),
        ("slack://a/b/c,msteams://d/e/f", ["slack://a/b/c", "msteams://d/e/f"]),
        (" slack://a/b/c ,\n msteams://d/e/f ", ["slack://a/b/c", "msteams://d/e/f"]),
        ("json://x:pass,word@h/a,b,jsons://h2/c", ["json://x:pass,word@h/a,b", "jsons://h2/c"]),
        ("slack://a/b/c,", ["slack://a/b/c"]),
    ],
)
def test_channels_are_separated_by_commas_and_may_hold_some(
    environment: pytest.MonkeyPatch, given: str, expected: list[str]
) -> None:
    environment.setenv("RELINK_NOTIFY_URLS", given)
    assert [url.get_secret_value() for url in load_settings().notify_urls] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_URL", "mailtos://user:hidden@smtp.example.com/?to=someone@example.com"),
        ("MAIL_URL", "user:hidden@smtp.example.com/{to}"),
        ("MAIL_URL", "mailtos://hidden {to}"),
        ("MAIL_URL", "{to}"),
        ("NOTIFY_URLS", "hidden"),
        ("NOTIFY_URLS", "slack://a/b/c, hidden"),
        ("NOTIFY_URLS", "hidden,slack://a/b/c"),
    ],
)
def test_an_unusable_mail_service_or_channel_is_named_and_never_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"RELINK_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert f"RELINK_{name}: must be" in str(error.value)
    assert "hidden" not in str(error.value)


def test_settings_shown_by_accident_tell_no_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RELINK_MAIL_URL", "mailtos://user:hidden@smtp.example.com/?to={to}")
    environment.setenv("RELINK_NOTIFY_URLS", "slack://hidden/b/c")
    assert "hidden" not in repr(load_settings())
