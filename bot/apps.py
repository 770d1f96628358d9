"""Settings of our registration with each system that asks for consent in the browser."""

from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from bot.named import named
from sync.connectors.oauth import OAuthApp, default_urls
from sync.consents import Registration

PUBLIC_URL = "http://127.0.0.1:8000"
OAUTH_SYSTEMS = ("salla", "hubspot", "quickbooks")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class AppSettings(BaseSettings):
    """What the developer pages of the systems gave us; none is needed for API keys and tokens."""

    public_url: str = named("INVSYNC_PUBLIC_URL", PUBLIC_URL, "https://invsync.example.com")
    salla_client_id: str | None = named("INVSYNC_SALLA_CLIENT_ID", None, "9f0c...")
    salla_client_secret: SecretStr | None = named("INVSYNC_SALLA_CLIENT_SECRET", None, "5d41...")
    salla_authorize_url: str | None = named(
        "INVSYNC_SALLA_AUTHORIZE_URL", None, "https://accounts.salla.sa/oauth2/auth"
    )
    salla_token_url: str | None = named(
        "INVSYNC_SALLA_TOKEN_URL", None, "https://accounts.salla.sa/oauth2/token"
    )
    salla_base_url: str = named("INVSYNC_SALLA_BASE_URL", "", "https://api.salla.dev")
    salla_webhook_secret: SecretStr | None = named("INVSYNC_SALLA_WEBHOOK_SECRET", None, "b2c3...")
    hubspot_client_id: str | None = named("INVSYNC_HUBSPOT_CLIENT_ID", None, "7fff...")
    hubspot_client_secret: SecretStr | None = named(
        "INVSYNC_HUBSPOT_CLIENT_SECRET", None, "1d2e..."
    )
    hubspot_authorize_url: str | None = named(
        "INVSYNC_HUBSPOT_AUTHORIZE_URL", None, "https://app.hubspot.com/oauth/authorize"
    )
    hubspot_token_url: str | None = named(
        "INVSYNC_HUBSPOT_TOKEN_URL", None, "https://api.hubapi.com/oauth/2026-03/token"
    )
    hubspot_base_url: str = named("INVSYNC_HUBSPOT_BASE_URL", "", "https://api.hubapi.com")
    hubspot_webhook_secret: SecretStr | None = named(
        "INVSYNC_HUBSPOT_WEBHOOK_SECRET", None, "1d2e..."
    )
    quickbooks_client_id: str | None = named("INVSYNC_QUICKBOOKS_CLIENT_ID", None, "ABc1...")
    quickbooks_client_secret: SecretStr | None = named(
        "INVSYNC_QUICKBOOKS_CLIENT_SECRET", None, "Zx9y..."
    )
    quickbooks_authorize_url: str | None = named(
        "INVSYNC_QUICKBOOKS_AUTHORIZE_URL", None, "https://appcenter.intuit.com/connect/oauth2"
    )
    quickbooks_token_url: str | None = named(
        "INVSYNC_QUICKBOOKS_TOKEN_URL",
        None,
        "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    )
    quickbooks_base_url: str = named(
        "INVSYNC_QUICKBOOKS_BASE_URL", "", "https://sandbox-quickbooks.api.intuit.com"
    )
    quickbooks_webhook_secret: SecretStr | None = named(
        "INVSYNC_QUICKBOOKS_WEBHOOK_SECRET", None, "9d8c..."
    )

    @field_validator(
        "public_url",
        *(f"{one}_{part}_url" for one in OAUTH_SYSTEMS for part in ("authorize", "token", "base")),
    )
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        """Tokens and codes travel encrypted, but for loopback."""
        parts = urlsplit(value or "")
        if value and not (
            parts.hostname and (parts.scheme == "https" or parts.hostname in LOOPBACK)
        ):
            raise ValueError("is no https address")
        return value.rstrip("/") if value else value

    @property
    def registrations(self) -> dict[str, Registration]:
        """Our registrations, by system; a system without client id and secret is left out."""
        every = {system: self.registration(system) for system in OAUTH_SYSTEMS}
        return {system: one for system, one in every.items() if one}

    def registration(self, system: str) -> Registration | None:
        """Return our registration with `system`, or None where no client id and secret are set."""
        client_id = getattr(self, f"{system}_client_id", None)
        secret: SecretStr | None = getattr(self, f"{system}_client_secret", None)
        if not client_id or not secret:
            return None
        authorize_url, token_url = default_urls(system)
        app = OAuthApp(
            system,
            client_id,
            secret.get_secret_value(),
            getattr(self, f"{system}_authorize_url") or authorize_url,
            getattr(self, f"{system}_token_url") or token_url,
        )
        hook: SecretStr | None = getattr(self, f"{system}_webhook_secret")
        hooked = hook.get_secret_value() if hook else None
        return Registration(app, getattr(self, f"{system}_base_url"), hooked)
