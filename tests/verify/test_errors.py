import pytest

from verify.errors import CorruptFile, MissingPackage, UsageError, missing, unknown


def test_a_missing_package_is_named_with_its_purpose_and_the_pip_command():
    error = missing("pillow", "real", "decoding pictures")
    assert isinstance(error, MissingPackage)
    assert str(error) == (
        "the package 'pillow' is needed for decoding pictures and is not installed: pip install 'gradcampp[real]'"
    )


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones():
    error = unknown("image", "chelsee", ["coffee", "chelsea"])
    assert type(error) is UsageError
    assert str(error) == "no image is called 'chelsee'; did you mean 'chelsea'? (known: coffee, chelsea)"


def test_no_spelling_is_suggested_where_none_is_near():
    assert "did you mean" not in str(unknown("image", "zzz", ["coffee", "chelsea"]))


def test_the_known_names_may_be_a_generator():
    message = str(unknown("image", "coffe", (name for name in ("coffee", "camera"))))
    assert message == "no image is called 'coffe'; did you mean 'coffee'? (known: coffee, camera)"


def test_of_many_names_those_that_contain_it_are_listed_and_never_all():
    names = [f"claim-{number}/without-{what}" for number in range(20) for what in ("pole", "kink")]
    said = "(like it: claim-7/without-pole, claim-7/without-kink)"
    assert str(unknown("slug", "claim-7", names)) == f"no slug is called 'claim-7' {said}"
    for name in ("", "zzz", "without"):
        assert str(unknown("slug", name, names)) == f"no slug is called {name!r} (there are 40)"


@pytest.mark.parametrize("kind", [MissingPackage, CorruptFile])
def test_everything_a_user_can_put_right_is_one_kind_of_error(kind):
    assert issubclass(kind, UsageError)
