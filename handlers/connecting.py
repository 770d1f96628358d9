"""What `app.py connect` does with what was typed: check, keep, and say whose account it is."""

from dataclasses import dataclass

from handlers.commandline import WrongUse
from sync.connectors.oauth import OAuthApp, OAuthRefused, default_urls, renewed
from sync.connectors.registry import UnknownSystem, base_url_of, check_account
from sync.connectors.spec import Spec
from sync.connectors.transport import Unanswered
from sync.documents import Account
from sync.engine import Engine
from sync.records import CONNECTION_NAME
from sync.systems import TITLES, title_of

TOKENLESS = frozenset({"daftra"})
"""Systems that are opened by a key alone."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The parts of an OAuth grant that was made elsewhere; empty where not given."""

    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    webhook_secret: str = ""


def connect(engine: Engine, system: str, spec: Spec, grant: Grant, *, check: bool) -> Account:
    """Add the connection or renew the one of that name; returns whose account it is.

    Raises WrongUse, UnknownSystem, OtherAccount and ReadError.
    """
    if system not in TITLES:
        raise UnknownSystem(system)
    if not CONNECTION_NAME.fullmatch(spec.name):
        raise WrongUse(f"{spec.name!r} is no name. Letters, digits, dots and hyphens: --name crm")
    if not base_url_of(system, spec.base_url):
        raise WrongUse(f"{title_of(system)} needs its address. Example: --base-url https://...")
    secret = _secret(engine, system, spec.token, grant)
    account = _account(engine, system, spec, secret["token"], check=check)
    engine.connect(
        system,
        spec.name,
        spec.base_url,
        secret,
        account,
        api_prefix=spec.api_prefix,
        web_url=spec.web_url,
    )
    return account


def _secret(engine: Engine, system: str, token: str, grant: Grant) -> dict[str, str]:
    if not token and not grant.refresh_token:
        raise WrongUse(f"{title_of(system)} needs a token. Example: --token ...")
    kept = {"token": token, "webhook_secret": grant.webhook_secret}
    if grant.refresh_token:
        kept |= _renewable(engine, system, token, grant)
    return {name: value for name, value in kept.items() if value}


def _renewable(engine: Engine, system: str, token: str, grant: Grant) -> dict[str, str]:
    if system in TOKENLESS:
        raise WrongUse(f"{title_of(system)} is opened by its key: --token, and no refresh token.")
    if not (grant.client_id and grant.client_secret):
        raise WrongUse("A refresh token is renewed with --client-id and --client-secret.")
    authorize_url, token_url = default_urls(system)
    app = OAuthApp(
        system, grant.client_id, grant.client_secret, authorize_url, grant.token_url or token_url
    )
    kept = {
        "refresh_token": grant.refresh_token,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "token_url": app.token_url,
    }
    if token:
        return kept
    now, timeout = engine.clock.now(), engine.times.request_timeout
    try:
        tokens = renewed(app, grant.refresh_token, now=now, timeout=timeout)
    except OAuthRefused as refused:
        raise WrongUse(f"{title_of(system)} refused the refresh token: {refused}") from refused
    except Unanswered as lost:
        sentence = f"{title_of(system)} {lost}; give the consent anew in the browser"
        raise WrongUse(f"{sentence}: /invsync connect {system}") from lost
    kept["token"] = tokens.token
    kept["refresh_token"] = tokens.refresh_token or grant.refresh_token
    if tokens.expires_at:
        kept["issued_at"] = now.isoformat()
        kept["expires_at"] = tokens.expires_at.isoformat()
    return kept


def _account(engine: Engine, system: str, spec: Spec, token: str, *, check: bool) -> Account:
    known = engine.store.connections.get(spec.name)
    if not check:
        return Account(spec.account or (known.account if known else spec.name), spec.name)
    asked = Spec(
        spec.name, spec.base_url, spec.api_prefix, spec.web_url, token, spec.account, spec.options
    )
    found = check_account(system, asked, engine.clock, engine.times)
    return Account(spec.account or found.id, found.name, found.currency, found.warnings)
