"""Our key of a document: the same for ever, another for every other document."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents import Kind
from sync.keys import key_of

NAMES = st.text(st.characters(min_codepoint=48, max_codepoint=57), min_size=1, max_size=12)


def test_the_form_of_a_key() -> None:
    """The form is fixed: documents in the books carry it already."""
    assert key_of("salla", "1305146709", Kind.INVOICE, "77") == "v1:salla:1305146709:invoice:77"


@settings(derandomize=True, database=None)
@given(one=st.tuples(NAMES, NAMES), other=st.tuples(NAMES, NAMES))
def test_two_documents_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Keys are equal only for the same account, kind and source id."""
    ours = key_of("salla", one[0], Kind.INVOICE, one[1])
    assert (key_of("salla", other[0], Kind.INVOICE, other[1]) == ours) == (one == other)
    assert key_of("salla", one[0], Kind.RETURN, one[1]) != ours
