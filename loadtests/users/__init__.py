"""The kinds of users, by the names scenarios give them. Each is what one person does in one turn; a new kind is a row here.

Loading this loads Locust, which patches the standard library: only generators do.
"""

from collections.abc import Callable, Mapping

from loadtests.users.buyer import abandon, buy, shop, visit
from loadtests.users.person import Person
from loadtests.users.returning import come_back
from loadtests.users.support import help_somebody
from loadtests.users.tester import try_cards
from loadtests.users.webhook import tell, tell_again

USERS: Mapping[str, Callable[[Person], None]] = {
    "visitor": visit,
    "buyer": buy,
    "abandoner": abandon,
    "shopper": shop,
    "returning": come_back,
    "support": help_somebody,
    "webhook": tell,
    "storm": tell_again,
    "tester": try_cards,
}
