"""Bad input from people, from both systems and from Slack: a sentence, never a lost document."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from demo.driver import buttons_of
from tests.e2e.house import House, read, until

SYNCED = "Invoice synced successfully"
FAILED = "Failed to sync invoice"
READ = r"/admin/v2/orders/invoices/\d+"
READ_ONE = "/admin/v2/orders/invoices/14800{order}$"
"""The invoice of one of the test's own sales."""

CREATE = "/api2/invoices"


@pytest.fixture(autouse=True)
def _calm(house: House) -> None:
    """Take back what the test before let wait and did not meet."""
    house.calm()


@pytest.mark.parametrize(
    ("typed", "named", "then"),
    [
        ("show 999999", "999999: record not found", "/invsync sync 999999"),
        ("sync 999999", "999999: record not found", "Check the number in the source"),
        ("retry INV-999999", "INV-999999: record not found", "/invsync sync INV-999999"),
        ("frobnicate", "I do not know frobnicate", "/invsync help lists everything"),
        ("retri 4092", "I do not know retri", "Did you mean /invsync retry"),
        ("log colour:red", "log has no filter colour:", "It has status:"),
        ("log status:blue", "The filter status: does not take blue", "It takes pending"),
        ("retry", "retry needs a number; nothing was done", "/invsync retry 1042"),
        ("retry everything", "everything is not an order or document number", "retry 1042"),
        (
            "sync " + " ".join(str(number) for number in range(101)),
            "sync takes up to 100 numbers at a time; nothing was done",
            "/invsync sync 1042",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(house: House, typed: str, named: str, then: str) -> None:
    """An unknown number, verb or filter is answered with its name and the next step."""
    assert then in read(house.clerk.types(f"/invsync {typed}", named))


@pytest.mark.parametrize(
    ("system", "path", "query", "fault", "reason"),
    [
        ("salla", READ_ONE, "", "half_json", "Salla answered GET /admin/v2/orders/invoices/"),
        ("salla", READ_ONE, "", "html_200", "with HTML: "),
        ("salla", READ_ONE, "", "wrong_type", "with what is"),
        ("salla", READ_ONE, "", "empty_204", "with what is"),
        ("daftra", "/api2/products", "WIDGET-{order}", "html_200", "with HTML: "),
        ("daftra", CREATE, "SALLA-{order}", "half_json", "with what is"),
    ],
)
def test_an_unreadable_answer_is_kept_and_tried_again(
    house: House, system: str, path: str, query: str, fault: str, reason: str
) -> None:
    """An answer that is no JSON object fails an attempt with its text; the document follows."""
    order = house.sold + 1
    house.create_product(f"WIDGET-{order}")
    # only this document meets the fault: others may be tried again meanwhile
    house.fault(system, fault, "GET", path.format(order=order), query=query.format(order=order))
    assert house.sale(f"WIDGET-{order}").reference_id == order
    house.clerk.types(f"/invsync sync {order}", "Fetching")
    until(lambda: _standing(house, order) == "Success", "the next attempt")
    story = read(house.clerk.types(f"/invsync show {order}", "Attempts, newest first"))
    assert re.search(f"1\\..*Failed {system.title()} answered", story), story
    assert reason in story
    assert len(house.booked(order)) == 1


def test_answers_that_stay_unreadable_fail_readably(house: House) -> None:
    """The store answers HTML and does not stop: the sync fails with that text, and is not lost."""
    order = house.sale("WIDGET-001").reference_id
    house.fault("salla", "html_200", "GET", READ, times=9)
    told = house.clerk.types(f"/invsync sync {order}", f"INV-{order}: ✗ {FAILED}")
    assert "with HTML: <html><body><h1>502 Bad Gateway</h1>" in read(told)
    house.calm()
    house.clerk.presses(told, "Retry", f"INV-{order}: ✓ {SYNCED}")


@pytest.mark.parametrize(
    ("sku", "buyer", "reason"),
    [
        (None, 8821, "has no SKU"),
        ("WIDGET-001", 8808, "Khalid Saleh has no email"),
        ("عسل-٥٠٠", 8807, "عسل-٥٠٠ not found in Daftra"),
    ],
)
def test_missing_or_arabic_data_fails_readably(
    house: House, sku: str | None, buyer: int, reason: str
) -> None:
    """A null SKU, a null e-mail and Arabic-only texts fail with a reason that names them."""
    order = house.sale(sku, buyer, name="عسل سدر").reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}: ✗ {FAILED}", reason)
    assert house.booked(order) == []


def test_arabic_only_text_syncs(house: House) -> None:
    """A document of which every text is Arabic is booked once its product exists."""
    house.create_product("تمر")
    order = house.sale("تمر", 8807, name="تمر سكري").reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}", SYNCED)
    assert len(house.booked(order)) == 1


@pytest.mark.parametrize("lost", ["drop_after", "half_json", "missing_id", "status_after"])
def test_a_lost_answer_heals_to_one_document(house: House, lost: str) -> None:
    """The books store the invoice, the answer is lost: it is found, and stands there once."""
    before = house.creates()
    house.fault("daftra", lost, "POST", CREATE)
    order = house.sale("WIDGET-002").reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}: ✓ {SYNCED}")
    assert len(house.booked(order)) == 1
    assert house.creates() == before + 1


def test_the_wait_for_a_lost_answer_is_told(house: House) -> None:
    """Until the look-up the row says that the books did not answer, and when it will be checked."""
    house.fault("daftra", "drop_after", "POST", CREATE)
    order = house.sale("WIDGET-002").reference_id
    house.clerk.types(f"/invsync sync {order}", "Fetching")
    row = until(lambda: _waiting(house, order), "the wait for the look-up")
    assert "Daftra did not answer; checking" in row
    house.clerk.sees(f"INV-{order}: ✓ {SYNCED}")


@pytest.mark.parametrize(
    ("method", "path", "fault", "status"),
    [
        ("GET", CREATE, "status", 429),
        ("GET", CREATE, "status", 500),
        ("GET", CREATE, "drop_before", 0),
        ("POST", CREATE, "status", 429),
        ("POST", CREATE, "drop_before", 0),
    ],
)
def test_a_bad_moment_passes_by_itself(
    house: House, method: str, path: str, fault: str, status: int
) -> None:
    """Too many requests, a broken server, a dropped connection: it follows by itself, once."""
    before = house.creates()
    house.fault("daftra", fault, method, path, status=status, retry_after="1")
    order = house.sale("WIDGET-001").reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}", SYNCED)
    assert len(house.booked(order)) == 1
    assert house.creates() == before + 1


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("GUEST01", "Guests, bots and people of other workspaces cannot use invsync"),
        ("OTHER01", "Guests, bots and people of other workspaces cannot use invsync"),
        ("MEMBER1", "You have no role in invsync yet. Ask @invsync-admins"),
    ],
)
def test_a_refusal_is_seen_by_nobody_else(house: House, who: str, told: str) -> None:
    """Who may not retry is refused where only that person sees it, and nothing is sent."""
    person, order = house.person(who), house.seed.names["mismatch"]
    tries, before = _attempts(house, order), person.known()

    def pressed() -> bool:
        digest = house.clerk.sees("need you", "View all")  # redrawn while other tests' syncs move
        words = [one["text"]["text"] for one in buttons_of(digest)]
        label = next(one for one in words if one.startswith("Check and retry"))
        return bool(person.click(digest, label)["ok"])

    until(pressed, "the digest to hold still")
    answer = person.sees(told, since=before)
    assert answer["ephemeral"]
    assert not [one for one in house.clerk.looks() if told in read(one)]
    assert _attempts(house, order) == tries


def test_two_presses_in_the_same_second_are_one_attempt(house: House) -> None:
    """Two people press the same Retry at once: one attempt, and both are told how it ended."""
    order = _failed(house)
    shared = house.clerk.types(f"/invsync log {order} share", "Failed")
    both = (house.clerk, house.oncall)
    house.fault("daftra", "hang", "GET", "/", seconds=0.4, times=5)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda person: person.click(shared, "Retry"), both))
    assert [answer["ok"] for answer in answers] == [True, True]
    texts = [read(person.sees(f"INV-{order} is")) for person in both]
    assert sum("was first; you will both be told" in text for text in texts) == 1
    for person in both:
        person.sees(f"INV-{order}: ✗ {FAILED}")
    assert _attempts(house, order) == 2


def test_what_slack_delivers_again_has_one_effect(house: House) -> None:
    """The same press delivered three times makes one attempt and one answer."""
    order = _failed(house)
    house.clerk.types(f"/invsync retry {order}", f"INV-{order} is pending again")
    acks = house.driver.knobs(redeliver_last=2)["acks"]
    assert [ack["ok"] for ack in acks] == [True, True]
    until(lambda: _attempts(house, order) == 2, "the second attempt")
    answers = [one for one in house.clerk.looks() if f"INV-{order} is pending again" in read(one)]
    assert len(answers) == 1
    assert _attempts(house, order) == 2


def test_a_dropped_socket_comes_back(house: House) -> None:
    """After Slack drops the socket the app connects again, and takes what is typed."""
    assert house.driver.knobs(drop_socket=True)["dropped"] >= 1
    until(lambda: house.driver.people()["connected"], "the socket")
    until(lambda: house.driver.command("U0CLERK01", "C0FINANCE", "/invsync help")["ok"], "an ack")


def _failed(house: House) -> int:
    order = house.sale("NOT-THERE").reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}", FAILED)
    return order


def _standing(house: House, order: int) -> str:
    row = read(house.clerk.types(f"/invsync log {order}", "Sync log"))
    return "".join(re.findall(rf"(\w+) · INV-{order}", row))


def _attempts(house: House, order: int) -> int:
    story = read(house.clerk.types(f"/invsync show {order}", "Attempts, newest first"))
    return sum(line[:2] in {"1.", "2.", "3."} for line in story.splitlines())


def _waiting(house: House, order: int) -> str:
    row = read(house.clerk.types(f"/invsync log {order}", "Sync log"))
    return row if "did not answer" in row else ""
