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


@pytest.mark.parametrize("kind", [MissingPackage, CorruptFile])
def test_everything_a_user_can_put_right_is_one_kind_of_error(kind):
    assert issubclass(kind, UsageError)
