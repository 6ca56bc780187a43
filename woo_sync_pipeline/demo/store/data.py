"""All state of one demo store: people, orders, and the catalogue of products and tags."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from woo_sync_pipeline.demo.store.copies import CopyActions
from woo_sync_pipeline.demo.store.records import Product, Tag


class StoreData(CopyActions):
    """A store's tables and the things that people and plugins do to them, behind one re-entrant lock."""

    def add_tag(self, name: str) -> int:
        """Add a product tag, or find it, and return its id. The name is kept entity-encoded."""
        with self.lock:
            kept = html.escape(html.unescape(name), quote=False)
            for tag in self.tags.values():
                if tag.name == kept:
                    return tag.id
            tag = Tag(next(self.next_term_id), kept, slugify(name))
            self.tags[tag.id] = tag
            self.products_version += 1
            return tag.id

    def add_product(
        self, name: str, tags: Iterable[str] = (), status: str = "publish", price: int = 20
    ) -> int:
        """Add a product with tags by name (created as needed) and return its id. `price` in whole units."""
        with self.lock:
            now = self.now()
            tag_ids = [self.add_tag(tag) for tag in tags]
            product = Product(next(self.next_post_id), name, status, price, tag_ids, now, now)
            self.products[product.id] = product
            self.products_version += 1
            return product.id

    def set_product_tags(self, product_id: int, tags: Iterable[str]) -> None:
        """Replace the tags of a product, by name: moves the product's modification date, not any order's."""
        with self.lock:
            product = self.products[product_id]
            product.tag_ids = [self.add_tag(tag) for tag in tags]
            product.modified_at = self.now()
            self.products_version += 1

    def delete_product(self, product_id: int) -> None:
        """Delete a product for good; the lines that sold it then show product_id 0."""
        with self.lock:
            del self.products[product_id]
            self.products_version += 1

    def tag_count(self, tag_id: int) -> int:
        """Count the published products that carry a tag."""
        return sum(
            product.status == "publish" and tag_id in product.tag_ids for product in self.products.values()
        )


def slugify(name: str) -> str:
    """Make the slug of a term: ASCII where accents allow, the rest percent-encoded in lower case."""
    plain = unicodedata.normalize("NFKD", html.unescape(name))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
    words = re.sub(r"[^\w\s-]", lambda found: found.group() if ord(found.group()) > 127 else "", plain)
    return quote(re.sub(r"[\s_-]+", "-", words).strip("-"), safe="-").lower()
