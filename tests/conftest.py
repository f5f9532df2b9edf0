"""Options and fixtures that all tests share."""


def pytest_addoption(parser):
    parser.addoption(
        "--update-expected", action="store_true", help="write tests/cases/*/expected.txt anew: read what changed"
    )
