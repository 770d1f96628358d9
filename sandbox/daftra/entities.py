"""Lists of the v2 entity API: clients in the documented shape, products in the flat one.

Filters (guide, section 2): `filter[f]=v`, `filter[f][in][]=v`, `filter[f][like]=%v%`, and
`filter[or][f][like]=%v%` of which one must fit. As in a database, letter case does not count where
`like` compares, and `%` and `_` stand for anything. What is no field is ignored.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.daftra import shapes
from sandbox.daftra.answers import NOT_FOUND
from sandbox.daftra.site import Site, integer_of

PER_PAGE = 50
_FILTER = re.compile(r"filter(\[or\])?\[(\w+)\](?:\[(\w+)\])?(\[\])?")
Row = Mapping[str, Any]


class Entities:
    """Serves the lists."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def all(self, request: Request) -> Response:
        """Serve one page of an entity's list."""
        entity, query = request.path_params["entity"], request.query_params
        if self._site.deaf:
            query = QueryParams(page=query.get("page", "1"))
        if entity == "client":
            rows = [shapes.client(one) for one in self._site.clients.values()]
            rows = [row for row in rows if fits(row, query)]
            kept, number, last = _page(rows, query)
            meta = {"current_page": number, "last_page": last, "total": len(rows)}
            links = {"next": _next(request, number, last)}
            return JSONResponse({"data": kept, "meta": meta, "links": links})
        if entity == "product":
            rows = [shapes.product(one) for one in self._site.products.values()]
            rows = [row for row in rows if fits(row, query)]
            kept, number, last = _page(rows, query)
            flat = {"current_page": number, "last_page": last, "total": len(rows)}
            return JSONResponse(
                {**flat, "data": kept, "next_page_url": _next(request, number, last)}
            )
        return JSONResponse({"message": "Record not found"}, NOT_FOUND)


def fits(row: Row, query: QueryParams) -> bool:
    """Return whether a row passes all filters, and one of those that are joined by `or`."""
    every: list[bool] = []
    either: list[bool] = []
    for joined, wanted in _wanted(row, query):
        (either if joined else every).append(wanted)
    return all(every) and (not either or any(either))


def _wanted(row: Row, query: QueryParams) -> Iterator[tuple[bool, bool]]:
    """Yield each filter that the list knows: whether it is joined by `or`, whether it is met."""
    for name in dict.fromkeys(query.keys()):
        found = _FILTER.fullmatch(name)
        if found and found[2] in row and found[3] in {None, "eq", "in", "like"}:
            values, operator = query.getlist(name), found[3]
            value = str(row[found[2]] or "")
            if operator == "like":
                yield bool(found[1]), like(value, values[-1])
            else:
                yield bool(found[1]), value.lower() in {one.lower() for one in values}


def like(value: str, pattern: str) -> bool:
    """Compare as a database does: `%` is any text, `_` any character."""
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL) is not None


def _page(rows: list[Any], query: QueryParams) -> tuple[list[Any], int, int]:
    number = integer_of(query.get("page")) or 1
    last = max(1, -(-len(rows) // PER_PAGE))
    return rows[(number - 1) * PER_PAGE : number * PER_PAGE], number, last


def _next(request: Request, number: int, last: int) -> str | None:
    following = request.url.include_query_params(page=number + 1)
    return str(following) if number < last else None
