"""Order tokens: made, never stored; one for each order; keys can be rotated."""

import pytest

from service.access.rules import OrderTokens

OLD, NEW = "an-old-key-an-old-key-an-old-key-1", "a-new-key-a-new-key-a-new-key-a-1"
ORDER = "ord_01aryz6s410000000000000000"


def test_a_token_opens_its_own_order_alone():
    """Another order's id makes another token."""
    tokens = OrderTokens((NEW,))

    assert tokens.matches(ORDER, tokens.issue(ORDER))
    assert not tokens.matches(ORDER[:-1] + "1", tokens.issue(ORDER))


def test_a_token_is_always_the_same_and_goes_into_a_url():
    """43 URL-safe characters for 256 bits; nothing is stored, so a link can be written again at any time."""
    tokens = OrderTokens((NEW,))

    assert tokens.issue(ORDER) == OrderTokens((NEW, OLD)).issue(ORDER)
    assert 43 == len(tokens.issue(ORDER))
    assert tokens.issue(ORDER).replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("keys", "opens"),
    [
        ((OLD,), True),  # as it was
        ((NEW, OLD), True),  # the new one signs, the old links live on
        ((NEW,), False),  # the old key is gone, and its links with it
    ],
)
def test_keys_are_rotated_in_two_steps(keys, opens):
    """All keys are accepted, the first signs."""
    given_out_before = OrderTokens((OLD,)).issue(ORDER)

    assert opens == OrderTokens(keys).matches(ORDER, given_out_before)


@pytest.mark.parametrize(
    "token",
    [
        "",
        " ",
        "x",
        "ñ" * 43,
        "\ud83d",
        "\0",
        OrderTokens((NEW,)).issue(ORDER)[:-1],
        OrderTokens((NEW,)).issue(ORDER) + "=",
    ],
)
def test_anything_else_is_no_token_and_no_crash(token):
    """Whatever text a caller sends."""
    assert not OrderTokens((NEW,)).matches(ORDER, token)


def test_the_keys_do_not_print():
    """Nor in a traceback."""
    assert NEW not in repr(OrderTokens((NEW,)))
