"""The Merchant API's envelopes: of data, and of the errors of the guide's section 4."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

OK, UNAUTHORIZED, NOT_FOUND, INVALID, TOO_MANY = 200, 401, 404, 422, 429
PER_PAGE, MOST_PER_PAGE = 15, 60


def expired() -> Response:
    """Answer as to an expired token."""
    return failure(UNAUTHORIZED, "The access token is expired")


def failure(status: int, message: str, fields: dict[str, list[str]] | None = None) -> JSONResponse:
    """Return an error in the API's envelope; `fields` names what is wrong with which field."""
    names = {UNAUTHORIZED: "Unauthorized", NOT_FOUND: "not_found", TOO_MANY: "too_many_requests"}
    error: dict[str, Any] = {"code": names.get(status, "error"), "message": message}
    if fields:
        error["fields"] = fields
    return JSONResponse({"status": status, "success": False, "error": error}, status)


def success(data: Any, **more: Any) -> JSONResponse:
    """Return data in the API's envelope."""
    return JSONResponse({"status": OK, "success": True, "data": data, **more})


def page_of(
    request: Request, found: list[Any], shape: Callable[[Any], dict[str, Any]]
) -> JSONResponse:
    """Return the page of `found` that the request asks for, each in its `shape`."""
    number = max(1, number_of(request.query_params.get("page")) or 1)
    asked = number_of(request.query_params.get("per_page")) or PER_PAGE
    size = min(asked, MOST_PER_PAGE)
    part = found[(number - 1) * size : number * size]
    pages = max(1, -(-len(found) // size))
    following = str(request.url.include_query_params(page=number + 1))
    pagination = {
        "count": len(part),
        "total": len(found),
        "perPage": size,
        "currentPage": number,
        "totalPages": pages,
        "links": {"next": following} if number < pages else [],
    }
    return success([shape(one) for one in part], pagination=pagination)


def base_of(request: Request) -> str:
    """Return where the store is reached, for the links in its answers."""
    return str(request.base_url).rstrip("/")


def number_of(text: str | None) -> int:
    """Return the id or count that `text` says, or 0."""
    return int(text) if text and text.isdecimal() else 0
