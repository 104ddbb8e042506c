"""Sealing: opens where it was sealed, with the key it was sealed with, and nowhere else."""

import pytest

from service.kernel.data_keys import CannotOpenError, MasterKeys, Wrapped

OLD, NEW = bytes(32), bytes(range(32))
ORDER, OTHER = "ord_01aryz6s410000000000000000", "ord_01aryz6s410000000000000001"


def opens(work) -> bool:
    try:
        work()
    except CannotOpenError:
        return False
    return True


def test_what_is_sealed_opens_in_its_place_alone():
    """Not in another column, not of another order, not after one bit has changed; twice sealed it looks different."""
    keys = MasterKeys({"new": NEW})
    (key, wrapped), (other, _) = keys.create(ORDER), keys.create(OTHER)
    sealed = key.seal("order_customers.email", b"ana@example.org")
    flipped = [bytes(each ^ (place == at) for place, each in enumerate(sealed)) for at in (0, 1, 20, len(sealed) - 1)]

    assert b"ana@example.org" == keys.open(ORDER, wrapped).open("order_customers.email", sealed)
    assert b"ana" not in sealed
    assert sealed != key.seal("order_customers.email", b"ana@example.org")
    assert not opens(lambda: key.open("order_customers.name", sealed))
    assert not opens(lambda: other.open("order_customers.email", sealed))
    assert [False] * 4 == [opens(lambda each=each: key.open("order_customers.email", each)) for each in flipped]
    assert not opens(lambda: key.open("order_customers.email", b""))


def test_a_wrapped_key_opens_for_its_order_under_its_master_key():
    """A row's key is worth nothing beside another row, and nothing without the master key it names."""
    both, old = MasterKeys({"new": NEW, "old": OLD}), MasterKeys({"old": OLD})
    key, wrapped = old.create(ORDER)
    moved = both.rewrap(ORDER, wrapped)

    assert ("old", "new") == (wrapped.key_id, moved.key_id)
    assert key.token(1) == both.open(ORDER, wrapped).token(1) == both.open(ORDER, moved).token(1)
    assert not opens(lambda: both.open(OTHER, wrapped))
    assert not opens(lambda: old.open(ORDER, moved))
    assert not opens(lambda: both.open(ORDER, Wrapped("new", wrapped.data)))


def test_tokens_are_always_the_same_and_nobody_elses():
    """43 characters for a URL; another number or another order is another token."""
    keys = MasterKeys({"new": NEW})
    (key, _), (other, _) = keys.create(ORDER), keys.create(OTHER)

    assert key.token(1) == key.token(1)
    assert 3 == len({key.token(1), key.token(2), other.token(1)})
    assert 43 == len(key.token(1))
    assert key.token(1).replace("-", "").replace("_", "").isalnum()


def test_the_blind_index_meets_equal_texts_under_each_key():
    """By the first key for writing, by all of them for looking up."""
    old, both = MasterKeys({"old": OLD}), MasterKeys({"new": NEW, "old": OLD})

    assert old.digests("ana@example.org") == both.digests("ana@example.org")[1:]
    assert both.digests("ana@example.org") != both.digests("bo@example.org")


def test_keys_do_not_print():
    """Nor in a traceback; and a wrong length is refused at once."""
    keys = MasterKeys({"new": NEW})
    key, _ = keys.create(ORDER)

    assert NEW.hex() not in repr(keys) + repr(key) + str(vars(keys).keys())
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKeys({"short": b"short"})
    with pytest.raises(ValueError, match="at least one"):
        MasterKeys({})
