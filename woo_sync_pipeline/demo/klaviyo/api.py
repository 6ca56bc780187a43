"""The API without its transport: a request in, an answer out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from woo_sync_pipeline.demo.klaviyo.answers import Answer, ApiError, invalid, not_found
from woo_sync_pipeline.demo.klaviyo.data import KlaviyoData
from woo_sync_pipeline.demo.klaviyo.limits import RateLimits
from woo_sync_pipeline.demo.klaviyo.operations import Operation, find_operation
from woo_sync_pipeline.demo.klaviyo.paging import Page, Position, cut_page, read_cursor, write_cursor
from woo_sync_pipeline.demo.klaviyo.params import Params, Query, parse_query, read_params, refuse_repeated
from woo_sync_pipeline.demo.klaviyo.records import ApiKey, Json
from woo_sync_pipeline.demo.klaviyo.resources import account_resource, group_resource, kind_of
from woo_sync_pipeline.demo.klaviyo.tables import Groups, Members, Profiles, Table

_SCHEME = "Klaviyo-API-Key"
_REVISION = re.compile(r"\d{4}-\d\d-\d\d")


class Api:
    """Answers requests for one account. `headers` are asked by their usual names, such as `Authorization`."""

    def __init__(self, data: KlaviyoData, limits: RateLimits, *, home: str) -> None:
        self.data = data
        self.limits = limits
        self.home = home

    def answer(self, *, method: str, path: str, raw_query: str, headers: Mapping[str, str]) -> Answer:
        """Answer a request. `path` is percent-decoded."""
        told: dict[str, str] = {}
        with self.data.lock:
            try:
                answer = self._answer(method, path, raw_query, headers, told)
            except ApiError as error:
                answer = error.answer
        answer.headers = {**told, **answer.headers}
        return answer

    def _answer(
        self, method: str, path: str, raw_query: str, headers: Mapping[str, str], told: dict[str, str]
    ) -> Answer:
        found = find_operation(path)
        if found is None:
            raise not_found("The resource")
        if method != "GET":
            detail = f"Method {method[:10]} is not allowed."
            raise ApiError(405, "method_not_allowed", "Method not allowed.", detail, headers={"Allow": "GET"})
        operation, record_id = found
        key = self._authenticate(headers.get("Authorization", ""))
        query = parse_query(raw_query)
        told.update(self.limits.take(operation.tier(query)))
        refuse_repeated(raw_query)
        self._permit(key, operation)
        self._check_revision(headers.get("revision", ""))
        return self._carry_out(operation, record_id, path, query)

    def _authenticate(self, authorization: str) -> ApiKey:
        scheme, _, secret = authorization.partition(" ")
        if scheme != _SCHEME or not secret:
            title = "Authentication credentials were not provided."
            detail = f"Missing or invalid authorization scheme. Please use {_SCHEME}."
            raise ApiError(401, "not_authenticated", title, detail)
        for key in self.data.keys:
            if key.secret == secret:
                return key
        title = "Incorrect authentication credentials."
        raise ApiError(401, "authentication_failed", title, "Invalid API key.")

    def _permit(self, key: ApiKey, operation: Operation) -> None:
        if missing := [scope for scope in operation.scopes if scope not in key.scopes]:
            title = "You do not have permission to perform this action."
            detail = f"The API key is missing scopes: {', '.join(missing)}."
            raise ApiError(403, "permission_denied", title, detail)

    def _check_revision(self, revision: str) -> None:
        if not revision:
            raise invalid("revision", "The header 'revision' is required.")
        try:
            known = bool(_REVISION.fullmatch(revision)) and date.fromisoformat(revision).isoformat()
        except ValueError:
            known = False
        if not known or revision > self.data.newest_revision:
            raise invalid("revision", "There is no such revision.")
        if revision < self.data.oldest_revision:
            title = "This revision is no longer supported."
            detail = f"Use a revision between {self.data.oldest_revision} and {self.data.newest_revision}."
            raise ApiError(410, "revision_gone", title, detail, parameter="revision")

    def _carry_out(self, operation: Operation, record_id: str, path: str, query: Query) -> Answer:
        params = read_params(query, operation.allowed)
        data, here = self.data, f"{self.home}{path}"
        match operation.name:
            case "get_accounts":
                account = account_resource(data.account, home=self.home, wanted=params.fields.get("account"))
                return Answer(200, {"data": [account], "links": {"self": here}})
            case "get_profiles":
                return self._walk(Profiles(data), params, path, query)
            case "get_lists":
                return self._walk(Groups(data.lists, "list"), params, path, query)
            case "get_segments":
                return self._walk(Groups(data.segments, "segment"), params, path, query)
            case "get_profiles_for_list":
                _must_exist(record_id, data.lists, "The list")
                return self._walk(Members(data, record_id), params, path, query)
            case "get_profiles_for_segment":
                _must_exist(record_id, data.segments, "The segment")
                return self._walk(Members(data, record_id), params, path, query)
            case "get_profile":
                _must_exist(record_id, data.profiles, "The profile")
                return self._profile(record_id, params)
            case "get_list_ids_for_profile" | "get_segment_ids_for_profile":
                _must_exist(record_id, data.profiles, "The profile")
                kind = "list" if operation.name == "get_list_ids_for_profile" else "segment"
                ids = [{"type": kind, "id": group} for group in self._groups_of(record_id, kind)]
                return Answer(200, {"data": ids, "links": {"self": here}})

    def _groups_of(self, profile_id: str, kind: str) -> list[str]:
        return sorted(
            each for each in self.data.groups_of[profile_id] if kind_of(self.data.group(each)) == kind
        )

    def _profile(self, profile_id: str, params: Params) -> Answer:
        shown = Profiles(self.data).shown(profile_id, params, home=self.home)
        body: Json = {"data": shown, "links": dict(shown["links"])}
        if params.include:
            body["included"] = []
        for name in sorted(params.include & {"push-tokens", "conversations"}):
            shown["relationships"].setdefault(name, {})["data"] = []
        for name in sorted(params.include & {"lists", "segments"}):
            kind = name.removesuffix("s")
            ids = self._groups_of(profile_id, kind)
            shown["relationships"][name]["data"] = [{"type": kind, "id": each} for each in ids]
            body["included"] += [
                group_resource(self.data.group(each), home=self.home, wanted=params.fields.get(kind))
                for each in ids
            ]
        return Answer(200, body)

    def _walk(self, table: Table, params: Params, path: str, query: Query) -> Answer:
        walk = f"{path}?{params.walk}"
        position = None
        if "page[cursor]" in query:
            position = read_cursor(
                params.cursor, query=walk, now=self.data.now(), lifetime=self.data.cursor_lifetime
            )
        page = cut_page(
            table.matching(params),
            position,
            size=params.size,
            descending=params.descending,
            matches=lambda record_id: table.matches(record_id, params.conditions),
        )
        rows = [table.shown(record_id, params, home=self.home) for _, record_id in page.keys]
        for name in sorted(params.include):
            for row in rows:
                row["relationships"].setdefault(name, {})["data"] = []
        body: Json = {"data": rows, "links": self._links(page, walk, path, query)}
        if params.include:
            body["included"] = []
        return Answer(200, body)

    def _links(self, page: Page, walk: str, path: str, query: Query) -> Json:
        def link(position: Position) -> str:
            cursor = write_cursor(position, query=walk, now=self.data.now())
            return self._url(path, {**query, "page[cursor]": cursor})

        links: dict[str, Any] = {"self": self._url(path, query)}
        if page.has_next and page.keys:
            links["next"] = link(Position(page.keys[-1]))
        if page.has_previous and page.keys:
            links["prev"] = link(Position(page.keys[0], is_back=True))
        return {"next": None, "prev": None, **links} if self.data.null_links else links

    def _url(self, path: str, query: Query) -> str:
        return f"{self.home}{path}?{urlencode(query)}" if query else f"{self.home}{path}"


def _must_exist(record_id: str, table: Mapping[str, object], what: str) -> None:
    if record_id not in table:
        raise not_found(what)
