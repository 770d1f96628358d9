"""The API's envelopes: of data, of pages of it, of what was made, and of what was refused."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.daftra.site import integer_of

OK, ACCEPTED, BAD, UNAUTHORIZED, NOT_FOUND = 200, 202, 400, 401, 404
LIMIT, MOST = 20, 1000


def page_of(request: Request, plural: str, rows: list[Any]) -> Response:
    """Return the page of `rows` that the request asks for."""
    query = request.query_params
    page = integer_of(query.get("page")) or 1
    limit = min(integer_of(query.get("limit")) or LIMIT, MOST)
    pages = max(1, -(-len(rows) // limit))
    pagination = {
        "prev": f"/api2/{plural}?page={page - 1}" if page > 1 else None,
        "next": f"/api2/{plural}?page={page + 1}" if page < pages else None,
        "page": page,
        "page_count": pages,
        "total_results": len(rows),
    }
    return good(rows[(page - 1) * limit : page * limit], pagination=pagination)


async def object_of(request: Request, model: str | None = None) -> dict[str, Any]:
    """Return the body, or what it has under `model`; {} for what is no object."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    found = body.get(model) if model and isinstance(body, dict) else body
    return found if isinstance(found, dict) else {}


def good(data: Any, **more: Any) -> Response:
    """Return data in the API's envelope."""
    return JSONResponse({"code": OK, "result": "successful", "data": data, **more})


def made(number: int) -> Response:
    """Return the id of what was made, here as a number."""
    return JSONResponse({"code": ACCEPTED, "result": "successful", "id": number}, ACCEPTED)


def failed(status: int, message: str, errors: dict[str, str] | None = None) -> JSONResponse:
    """Return a refusal; `errors` says what is wrong with which field."""
    body: dict[str, Any] = {"result": "failed", "code": status, "message": message}
    if errors:
        body["validation_errors"] = errors
    return JSONResponse(body, status)
