"""The Merchant API's envelopes: of data, and of the errors of the guide's section 4."""

from typing import Any

from starlette.responses import JSONResponse, Response

OK, UNAUTHORIZED, NOT_FOUND, INVALID, TOO_MANY = 200, 401, 404, 422, 429


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
