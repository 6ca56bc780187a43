"""The REST API without its transport: a request in, an answer out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from woo_sync_pipeline.demo.store import pages, rows
from woo_sync_pipeline.demo.store.answers import COLLECTION, ITEM, Answer, ApiError, no_route
from woo_sync_pipeline.demo.store.auth import Authenticator, Call, RefusedError
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.fields import build_row, field_tree, prune
from woo_sync_pipeline.demo.store.params import InvalidParamsError, read_params
from woo_sync_pipeline.demo.store.php import Query, as_list, parse_query
from woo_sync_pipeline.demo.store.query import ResultCache, page_of
from woo_sync_pipeline.demo.store.records import ApiKey
from woo_sync_pipeline.demo.store.resources import CUSTOMERS, RESOURCES, Resource
from woo_sync_pipeline.demo.store.writes import create, delete, update

_ITEM = re.compile(r"^(?P<path>[a-z/]+)/(?P<id>\d+)$")
_READS = ("GET", "HEAD")


class Api:
    """Answers requests for one store. Not safe for several threads: its server has one."""

    def __init__(self, data: StoreData, *, home: str) -> None:
        self.data = data
        self.home = home
        self.root = f"{home}/wp-json/wc/v3"
        self._authenticator = Authenticator(data)
        self._results = ResultCache()
        self.on_select: Callable[[str], None] | None = None

    def answer(
        self, *, method: str, path: str, raw_query: str, authorization: str = "", body: bytes = b""
    ) -> Answer:
        """Answer a request. `path` is percent-decoded; `authorization` is the header as sent."""
        query = parse_query(raw_query)
        with self.data.lock:
            try:
                answer = self._dispatch(method, path, query, authorization, body)
            except ApiError as error:
                answer = error.answer
            except RefusedError as refused:
                answer = Answer(401, refused.body)
        answer.headers.setdefault("Link", f'<{self.home}/wp-json/>; rel="https://api.w.org/"')
        if query.get("_envelope") and path.startswith("/wp-json"):
            whole = {"body": answer.body, "status": answer.status, "headers": answer.headers}
            answer = Answer(200, whole, {"Link": answer.headers["Link"]})
        return answer

    def _dispatch(self, method: str, path: str, query: Query, authorization: str, body: bytes) -> Answer:
        if path.startswith("/wc-api/"):
            error = {"code": "woocommerce_api_disabled", "message": "The WooCommerce API is disabled"}
            return Answer(404, {"errors": [error]})
        # Keys are looked at only below /wp-json/wc/: WooCommerce decides by the path, not by the route.
        url = self.home + path
        if "rest_route" in query:
            path = "/wp-json" + str(query["rest_route"])
            key = None
        elif path.startswith(("/wp-json/wc/", "/wp-json/wc-analytics/", "/index.php/wp-json/wc/")):
            called = str(query.get("_method", method)).upper()
            is_https = self.home.startswith("https:")
            key = self._authenticator.identify(Call(called, url, query, authorization, is_https))
            method = called
        else:
            key = None
        route = path.removeprefix("/index.php").removeprefix("/wp-json").strip("/")
        if route in ("", "wc/v3"):
            return self._index(route, query)
        if route == "wc-analytics/reports/customers" and self.data.has_analytics and method in _READS:
            return self._activity(query, key)
        if not route.startswith("wc/v3/"):
            raise no_route()
        return self._resource(method, route.removeprefix("wc/v3/"), query, key, body)

    def _resource(self, method: str, route: str, query: Query, key: ApiKey | None, body: bytes) -> Answer:
        if (page := self._page(route)) is not None:
            if method not in _READS:
                raise no_route()
            self._permit(key, "list resources", "view")
            return self._pruned(page(), query)
        if method == "OPTIONS" and route in ("orders", "customers"):
            # WordPress describes a route to everybody, before it looks at any right.
            describe = pages.order_options if route == "orders" else pages.customer_options
            return self._pruned(describe(self.data), query)
        if (resource := RESOURCES.get(route)) is not None:
            if method in _READS:
                return self._list(resource, query, key)
            if method != "POST":
                raise no_route()
            sent = _json(body, allow=COLLECTION)
            self._permit(key, "are not allowed to create resources", "create")
            return self._row(resource, create(self.data, resource, sent), query, key, status=201)
        found = _ITEM.match(route)
        resource = RESOURCES.get(found["path"]) if found else None
        if found is None or resource is None:
            raise no_route()
        return self._item(method, resource, int(found["id"]), query, key, body)

    def _page(self, route: str) -> Callable[[], Any] | None:
        """What makes the answer of a route that is no collection; None for all others."""
        if route == "system_status":
            return lambda: pages.system_status(self.data, self.home)
        if route == "orders/statuses" and self.data.lists_order_statuses:
            return lambda: pages.order_statuses(self.data)
        return (lambda: pages.order_totals(self.data)) if route == "reports/orders/totals" else None

    def _list(self, resource: Resource, query: Query, key: ApiKey | None) -> Answer:
        try:
            params = read_params(query, resource.schema(self.data))
        except InvalidParamsError as invalid:
            raise ApiError.of_params(invalid, allow=COLLECTION) from None
        self._permit(key, "list resources", "view")
        params["per_page"] = min(params.get("per_page", 10), self.data.most_per_page)
        version = resource.version(self.data)
        ids = self._results.get(resource.path, version, params, lambda: resource.find(self.data, params))
        wanted = page_of(ids, params)
        total = len(ids) if wanted or resource.empty_page_has_total else 0
        tree = field_tree(as_list(query["_fields"])) if "_fields" in query else None
        builders = resource.build(self.data, self.root, shows_meta=self._shows_meta(key))
        table = resource.table(self.data)
        if self.on_select is not None:
            self.on_select(resource.path)
        # WooCommerce loads what it has selected one by one: what was deleted meanwhile is counted. An order is not
        # shown then, a customer comes as somebody who has nothing.
        ghost = rows.nobody() if resource is CUSTOMERS else None
        found = [record for record_id in wanted if (record := table.get(record_id, ghost)) is not None]
        shown = [build_row(builders, record, tree) for record in found]
        headers = pages.paging_headers(resource, self.root, query, params, total, bool(shown))
        return Answer(200, shown, headers | {"Allow": COLLECTION})

    def _item(
        self, method: str, resource: Resource, record_id: int, query: Query, key: ApiKey | None, body: bytes
    ) -> Answer:
        if record_id not in resource.table(self.data):
            if key is None or key.user_role == "customer":
                self._permit(key, "view this resource", "view")
            code, message = resource.invalid_id
            raise ApiError(404, code, message, allow=ITEM if resource.invalid_id_has_allow else "")
        if method in _READS:
            self._permit(key, "view this resource", "view")
            return self._row(resource, record_id, query, key)
        if method == "DELETE":
            self._permit(key, "are not allowed to delete this resource", "delete")
            before = self._row(resource, record_id, query, key)
            delete(self.data, resource, record_id, force=query.get("force") in ("true", "1"))
            return before
        if method in ("POST", "PUT", "PATCH"):
            sent = _json(body, allow=ITEM)
            self._permit(key, "are not allowed to edit this resource", "edit")
            update(self.data, resource, record_id, sent)
            return self._row(resource, record_id, query, key)
        raise no_route()

    def _row(
        self, resource: Resource, record_id: int, query: Query, key: ApiKey | None, *, status: int = 200
    ) -> Answer:
        tree = field_tree(as_list(query["_fields"])) if "_fields" in query else None
        if tree is not None:
            tree["_links"] = True
        builders = resource.build(self.data, self.root, shows_meta=self._shows_meta(key))
        row = build_row(builders, resource.table(self.data)[record_id], tree)
        return Answer(status, row, {"Allow": COLLECTION if status == 201 else ITEM})

    def _activity(self, query: Query, key: ApiKey | None) -> Answer:
        try:
            params = read_params(query, pages.ACTIVITY_SCHEMA)
        except InvalidParamsError as invalid:
            raise ApiError.of_params(invalid, allow="GET") from None
        self._permit(key, "list resources", "view")
        rows, total = pages.active_customers(self.data, params)
        answer = self._pruned(rows, query)
        answer.headers["X-WP-Total"] = str(total)
        return answer

    def _index(self, route: str, query: Query) -> Answer:
        page = pages.namespace_index if route else pages.site_index
        return self._pruned(page(self.data, self.home), query)

    def _pruned(self, body: Any, query: Query) -> Answer:
        tree = field_tree(as_list(query["_fields"])) if "_fields" in query else None
        if tree is not None:
            body = [prune(row, tree) for row in body] if isinstance(body, list) else prune(body, tree)
        return Answer(200, body, {"Allow": "GET"})

    def _shows_meta(self, key: ApiKey | None) -> bool:
        if key is None:
            return False
        return key.user_role == "administrator" or not self.data.keeps_meta_for_administrators

    def _permit(self, key: ApiKey | None, deed: str, verb: str) -> None:
        if key is not None and key.user_role != "customer":
            return
        words = f"Sorry, you {deed if deed.startswith('are') else f'cannot {deed}'}."
        raise ApiError(403 if key else 401, f"woocommerce_rest_cannot_{verb}", words)


def _json(body: bytes, *, allow: str) -> Mapping[str, Any]:
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        raise ApiError(
            400,
            "rest_invalid_json",
            "Invalid JSON body passed.",
            json_error_code=4,
            json_error_message="Syntax error",
            allow=allow,
        ) from None
    return sent if isinstance(sent, dict) else {}
