"""One test whose skip is excused everywhere; run by test_scaffolding.py, never by itself."""


def test_excused(shared_data):
    shared_data("no-such-file.json")
