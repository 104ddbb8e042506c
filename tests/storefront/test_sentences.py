"""Both languages say the same things, and say everything the pages ask for."""

import re
from pathlib import Path
from string import Formatter

import pytest

from service.storefront import views
from service.storefront.rules import LANGUAGES

TEMPLATES = Path(views.__file__).parent / "templates"
FORMS = (".one", ".other")


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def plain(name: str) -> str:
    return name.removesuffix(FORMS[0]).removesuffix(FORMS[1])


def test_both_languages_have_the_same_sentences_with_the_same_places():
    """A sentence that is missing in one language, or lost a place for a value, shows here."""
    english, spanish = ({n: names_in(s) for n, s in views.read_sentences(each).items()} for each in LANGUAGES)

    assert english == spanish


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plural_has_its_forms(language):
    """One and other stand side by side for every count."""
    sentences = views.read_sentences(language)
    counted = {plain(name) for name in sentences if name.endswith(FORMS)}

    assert counted
    assert all(f"{name}{form}" in sentences for name in counted for form in FORMS)


def test_every_sentence_a_template_names_exists_and_every_sentence_is_named():
    """Literal names must exist; a sentence nobody names, not even by its family, is left over."""
    known = {plain(name) for name in views.read_sentences("en")}
    text = "\n".join(path.read_text() for path in sorted(TEMPLATES.rglob("*.*")))
    code = "\n".join(path.read_text() for path in sorted(TEMPLATES.parent.glob("*.py")))

    literal = {name for name in re.findall(r'\bt\(["\']([a-z_.]+)["\']', text) if not name.endswith((".", "_"))}
    families = set(re.findall(r'["\']((?:order\.)?[a-z_]+)["\']', code)) | {"kind", "ticket", "store", "cart", "error"}

    assert set() == literal - known
    assert [] == sorted(name for name in known - literal if name.rpartition(".")[0] not in families)
