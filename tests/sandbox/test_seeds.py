"""The seeded story: both systems and the past agree."""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.seeds import seed

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
STORY = seed(NOW)


def test_there_are_about_eighty_documents_and_several_new_ones() -> None:
    """The log begins with 80 documents; the sweep finds four more, two orders are not ready."""
    past = {row["source_id"] for row in STORY.shop.history}
    assert len(past) == 80
    new = [one for one in STORY.shop.invoices.values() if str(one.id) not in past]
    ready = [one for one in new if STORY.shop.orders[one.order_id].status == "completed"]
    assert (len(new), len(ready)) == (6, 4)


def test_what_succeeded_stands_in_the_books_to_the_cent() -> None:
    """Every success of the past is one document of the books, over the same amount, by its key."""
    for row in STORY.shop.history:
        if row["status"] == "success":
            booked = STORY.site.documents[int(row["destination_id"])]
            assert (booked.key, booked.total) == (row["key"], Decimal(row["amount"]))


def test_what_failed_is_not_in_the_books() -> None:
    """No failed document has been booked under our key, but the one whose amounts differ."""
    keys = {one.key for one in STORY.site.documents.values()}
    failed = [row for row in STORY.shop.history if row["status"] == "failed"]
    assert len(failed) == 23
    booked = [row for row in failed if row["key"] in keys]
    assert [row["attempts"][-1]["error_type"] for row in booked] == ["amount_mismatch"]


def test_all_four_error_types_of_the_seed_rules_are_there() -> None:
    """A clerk meets each error type that finance must recognise, and the odd names."""
    kinds = {row["attempts"][-1]["error_type"] for row in STORY.shop.history}
    assert {"sku_not_found", "customer_email_missing", "unauthorized", "already_synced"} <= kinds
    names = {row["customer"] for row in STORY.shop.history}
    assert {"مؤسسة النخيل التجارية", "<!channel> *bold* & <b>x</b>"} <= names


def test_reasons_of_40_41_and_4000_characters_are_there() -> None:
    """The lengths at which a reason is cut, or not, all occur."""
    reasons = [row["attempts"][-1]["reason"] or "" for row in STORY.shop.history]
    assert {40, 41, 4000} <= {len(reason) for reason in reasons}


def test_the_story_is_the_same_for_the_same_moment() -> None:
    """Two sandboxes started at one moment tell the same story."""
    assert seed(NOW).shop.history == STORY.shop.history
