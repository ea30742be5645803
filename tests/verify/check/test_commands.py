import importlib.util
import io
import json
import re
import sys
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from verify import cli
from verify.check import heatmaps
from verify.readme import README
from verify.report import check as shown
from verify.report import pictures


@pytest.fixture
def gradcampp(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in an empty folder; return its status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gradcampp", *map(str, arguments)])
        with pytest.raises(SystemExit) as status:
            cli.main()
        said = capsys.readouterr()
        return status.value.code or 0, said.out, said.err

    return run


def test_check_prints_tables_and_writes_a_page(gradcampp, factory, tmp_path):
    status, out, err = gradcampp("check", f"{factory}:good", "--layer", "0", "--image", "seen.npy")
    assert status == 0
    assert "Use the closed form." in out
    assert "relu" in out
    assert "report: report/check-" in err
    (page,) = (tmp_path / "report").iterdir()
    assert page.name.endswith("mine.py-good-0-seen.html")
    text = page.read_text("utf-8")
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/1998/Math/MathML", "")
    assert "<script" not in text


class Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.seen.append(dict(attrs))


def test_the_page_states_the_result_in_words_and_holds_the_figure(gradcampp, factory, tmp_path):
    places = ("--places", "channels-first")
    gradcampp("check", f"{factory}:curved", "--layer", "0", "--image", "seen.npy", *places, "--quiet")
    (page,) = (tmp_path / "report").iterdir()
    text = page.read_text("utf-8")
    assert "Take this layer instead: 1." in text
    assert "gelu in 1" in text
    assert shown.CERTIFIED["ball arithmetic"] in text
    parser = Images()
    parser.feed(text)
    (image,) = parser.seen
    assert image["src"].startswith("data:image/png;base64,")
    assert "differ by up to" in image["alt"]
    assert "hottest pixel" in image["alt"]


def test_json_is_one_document_and_says_what_the_tables_say(gradcampp, factory):
    arguments = ("--layer", "0", "--image", "seen.npy", "--json", "--class", "1")
    status, out, _ = gradcampp("check", f"{factory}:curved", *arguments)
    found = json.loads(out)
    assert status == 0
    assert found["schema"] == "gradcampp-check/1"
    assert (found["advice"], found["instead"], found["class"]["index"]) == ("take this layer instead", "1", 1)
    assert sum(each["second"] > 0 for each in found["operations"]) == 1
    assert np.shape(found["map"]["exact"]) == (6, 6)
    assert dict(shown.figures(found))["certificate"].startswith(
        "16 entries, the one where they differ most among them, certified by ball arithmetic"
    )


def test_an_interrupted_check_goes_on_where_it_stopped(gradcampp, factory, tmp_path, monkeypatch):
    from verify.check import judge

    arguments = ("check", f"{factory}:curved", "--layer", "0", "--image", "seen.npy", "--json", "--head", "softmax")
    _, expected, _ = gradcampp(*arguments)
    assert not list(tmp_path.glob("report/.*"))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as here:
        here.setattr(judge, "certify", interrupted)
        status, out, err = gradcampp(*arguments)
    assert (status, out) == (130, "")
    assert "goes on where it stopped" in err
    assert len(list(tmp_path.glob("report/.*"))) == 2
    with monkeypatch.context() as here:
        here.setattr(
            "cam.jets.derivatives._chunks", lambda plan, start, left, memory: iter([] if not len(left) else [1])
        )
        _, found, _ = gradcampp(*arguments)
    both = [json.loads(each) | {"seconds": 0} for each in (found, expected)]
    assert both[0] == both[1]
    assert not list(tmp_path.glob("report/.*"))


def test_quiet_prints_no_table_and_the_page_has_links_to_what_lies_beside_it(gradcampp, factory, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report/index.html").write_text("<title>Grad-CAM++, line by line</title>\n<body>\n")
    _, out, err = gradcampp("check", f"{factory}:good", "--layer", "0", "--image", "seen.npy", "--quiet")
    assert out == ""
    assert err.startswith("report: ")
    (page,) = (tmp_path / "report").glob("check-*")
    assert '<a href="index.html">Verdicts</a>' in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        ("good", ["--layer", "convolution"], "nearest names"),
        ("good", [], "name the layer"),
        ("good", ["--layer", "0", "--class", "3"], "classes 0 to 2, not 3"),
        ("good", ["--layer", "0", "--head", "softmaxx"], "did you mean 'softmax'"),
        ("good", ["--layer", "0", "--image", "mine.py"], "is no picture"),
        ("good", ["--layer", "2"], "puts out (1, 144)"),
        ("good", ["--layer", "0", "--nonsense"], "--nonsense"),
        ("good", ["--layer", "0", "--image", "coffee", "--size", "9"], "fails on a picture"),
        ("goood", ["--layer", "0"], "did you mean 'good'"),
        ("fails", ["--layer", "0"], "the disk is full"),
        ("maps", ["--layer", "0"], "must put out scores (1, classes)"),
        ("nan", ["--layer", "0"], "activations of layer '0' are NaN or infinite"),
        ("aside", ["--layer", "aside"], "choose a layer on the path"),
        ("aside", ["--layer", "idle"], "does not run"),
        ("one", ["--layer", "0", "--head", "softmax"], "of one class is constant"),
        ("unsupported", ["--layer", "0"], "is not supported"),
        ("ungraded", ["--layer", "0"], "torch has no gradient of special_bessel_j0"),
        ("draws", ["--layer", "0"], "draws random numbers"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(gradcampp, factory, tmp_path, model, options, says):
    picture = [] if "--image" in options else ["--image", "seen.npy"]
    status, out, err = gradcampp("check", f"{factory}:{model}", *picture, *options)
    assert (status, out) == (2, "")
    assert says in err
    assert err.startswith("gradcampp: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("report/*"))


def test_a_class_with_a_pole_still_has_a_page(tmp_path, monkeypatch):
    import torch

    from verify.check.document import document
    from verify.check.judge import check_model
    from verify.check.models import Subject
    from verify.check.views import View

    from .test_judge import Line

    model = Line(torch.tensor([[[[-3.0, 0.5], [0.25, 0.25]]]], dtype=torch.float64))
    found = check_model(model, "layer", torch.zeros(1, 3, 8, 8), target=0)
    pixels = np.zeros((8, 8, 3), np.uint8)
    told = document(found, Subject("line", model, "none"), View("x", torch.zeros(1, 3, 8, 8), pixels), 1.0)
    json.dumps(told, allow_nan=False)
    page = shown.render(told, pixels)
    assert "<img" not in page
    assert "a map is not finite" in page


def heatmap(gradcampp, factory, *more):
    return gradcampp("heatmap", f"{factory}:curved", "--layer", "0", "--out", "out", "--image", *more)


@pytest.fixture
def two(factory, tmp_path):
    np.save(tmp_path / "other.npy", np.random.default_rng(1).random((3, 8, 8)))
    return "seen.npy", "other.npy"


def stems(tmp_path):
    return sorted(path.stem for path in (tmp_path / "out").glob("*.npy"))


def test_heatmaps_of_several_pictures_are_written(gradcampp, factory, two, tmp_path):
    from PIL import Image

    from cam import GradCAMPlusPlus
    from verify.check.models import load

    status, out, _ = heatmap(gradcampp, factory, *two)
    assert (status, out) == (0, "")
    one, other = stems(tmp_path)
    assert one.startswith("other-")
    assert other.startswith("seen-")
    assert other.endswith("mine.py-curved-0-exact")
    import torch

    seen = torch.from_numpy(np.load(tmp_path / "seen.npy"))[None].double()
    expected = GradCAMPlusPlus(load(f"{factory}:curved").model, "0", weights="exact").attribute(seen)[0]
    assert np.array_equal(np.load(tmp_path / "out" / f"{other}.npy"), expected.numpy())
    with Image.open(tmp_path / "out" / f"{other}.png") as drawn:
        assert drawn.size == (8, 8)


def test_finished_heatmaps_are_not_made_again_and_it_is_said(gradcampp, factory, two, monkeypatch):
    heatmap(gradcampp, factory, *two)
    monkeypatch.setattr(heatmaps.Recipe, "maps", lambda *_: pytest.fail("made again"))
    status, _, err = heatmap(gradcampp, factory, *two)
    assert status == 0
    assert err.count("finished already: not made again") == 2


def test_a_heatmap_of_another_picture_of_the_same_name_is_made(gradcampp, factory, two, tmp_path):
    heatmap(gradcampp, factory, *two)
    before = {stem: np.load(tmp_path / "out" / f"{stem}.npy") for stem in stems(tmp_path)}
    np.save(tmp_path / "seen.npy", np.random.default_rng(2).random((3, 8, 8)))
    _, _, err = heatmap(gradcampp, factory, *two)
    assert err.count("not made again") == 1
    changed = [not np.array_equal(np.load(tmp_path / "out" / f"{stem}.npy"), old) for stem, old in before.items()]
    assert changed == [False, True]


def test_an_interrupted_run_goes_on_where_it_stopped(gradcampp, factory, two, tmp_path, monkeypatch):
    true = heatmaps.overlay
    calls = []

    def overlay(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return true(*arguments)

    monkeypatch.setattr(heatmaps, "overlay", overlay)
    status, _, err = heatmap(gradcampp, factory, *two)
    assert status == 130
    assert "finished heatmaps are not made again" in err
    assert len(list((tmp_path / "out").glob("*.json"))) == 1
    assert not list((tmp_path / "out").glob(".*"))
    status, _, err = heatmap(gradcampp, factory, *two)
    assert status == 0
    assert len(calls) == 3
    assert len(list((tmp_path / "out").glob("*.json"))) == 2


def test_a_variant_makes_its_map_in_its_own_way(gradcampp, factory, two, tmp_path):
    import torch

    from cam import GradCAMPlusPlus
    from verify.check.models import load

    assert heatmap(gradcampp, factory, two[0], "--variant", "pytorch-grad-cam")[0] == 0
    (stem,) = stems(tmp_path)
    assert stem.endswith("-pytorch-grad-cam")
    seen = torch.from_numpy(np.load(tmp_path / "seen.npy"))[None].double()
    expected = GradCAMPlusPlus(load(f"{factory}:curved").model, "0", variant="pytorch-grad-cam").attribute(seen)[0]
    assert np.array_equal(np.load(tmp_path / "out" / f"{stem}.npy"), expected.numpy())


def test_closed_and_exact_maps_have_names_of_their_own(gradcampp, factory, two, tmp_path):
    heatmap(gradcampp, factory, two[0])
    heatmap(gradcampp, factory, two[0], "--weights", "closed")
    one, other = (np.load(tmp_path / "out" / f"{stem}.npy") for stem in stems(tmp_path))
    assert not np.allclose(one, other)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["seen.npy", "--weights", "clozed"], "did you mean 'closed'"),
        (["seen.npy", "--variant", "no-such-variant"], "variant"),
        (["seen.npy", "--variant", "paper", "--weights", "exact"], "choose --weights or --variant"),
        (["seen.npy", "--variant", "paper", "--head", "sigmoid"], "leave out --head sigmoid"),
        (["seen.npy", "--head", "expp"], "'expp'"),
        (["seen.npy", "--layer", "convolution"], "nearest names"),
        (["seen.npy", "--places", "tokens"], "tokens are of shape"),
        (["seen.npy", "--class", "7"], "7"),
        (["seen.npy", "./seen.npy"], "several pictures are called seen"),
        (["seen.npy", "nowhere.png"], "there is no picture"),
    ],
)
def test_a_wrong_request_for_heatmaps_is_one_line_and_leaves_nothing(gradcampp, factory, tmp_path, more, says):
    status, _, err = heatmap(gradcampp, factory, *more)
    assert status == 2
    assert says in err
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.slow
def test_on_lite0_the_closed_form_applies(gradcampp):
    status, out, _ = gradcampp("check", "lite0", "--image", "coffee", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["applies"], found["class"]["label"]) == (True, "espresso")
    assert found["weights"]["largest"] < 1e-14
    assert found["certificate"]["off_kinks"]
    assert not found["certificate"]["apart"]
    assert f"Use the closed form. {found['reasons'][0]}" in README.read_text("utf-8")


@pytest.mark.slow
def test_on_convnext_the_closed_form_does_not_apply_and_it_is_said_why(gradcampp):
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    status, out, _ = gradcampp("check", "timm:convnext_tiny", "--layer", "stages.3", "--image", "chelsea", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["advice"], found["instead"]) == ("use the exact weights", None)
    assert "native_layer_norm in head.norm" in found["reasons"][0]
    assert "random weights" in found["weights_from"]
    assert found["certificate"]["apart"] > 0
    assert np.max(found["map"]["exact"]) == 1
    readme = " ".join(README.read_text("utf-8").replace("\n> ", " ").split())
    assert " ".join(found["reasons"]) in readme
    assert f"by up to {found['maps']['difference']:.2g} of its maximum" in readme
    (seed,) = re.findall(r"\(seed \d+\)", found["weights_from"])
    assert f"of these random weights {seed}" in readme
    assert f"along all {found['weights']['entries']} entries" in readme


def test_names_that_files_cannot_tell_apart_are_refused(gradcampp, factory, two, tmp_path):
    for name in ("a b.npy", "a-b.npy"):
        (tmp_path / name).write_bytes((tmp_path / two[0]).read_bytes())
    status, _, err = heatmap(gradcampp, factory, "a b.npy", "a-b.npy")
    assert status == 2
    assert "several pictures are called a-b" in err
    assert not list(tmp_path.glob("out/*"))


def test_another_class_or_outer_function_overwrites_nothing(gradcampp, factory, two, tmp_path):
    for options in ([], ["--class", "0"], ["--class", "1"], ["--class", "1", "--head", "sigmoid"]):
        heatmap(gradcampp, factory, two[0], *options)
        gradcampp("check", f"{factory}:good", "--layer", "0", "--image", two[0], *options, "--quiet")
    assert len(stems(tmp_path)) == 4
    assert len(list((tmp_path / "report").glob("*.html"))) == 4


def test_a_long_name_still_is_one_and_stays_another_than_its_like(tmp_path):
    from verify.check.commands import LONGEST, joined

    one, other = (joined("é" * 300, end) for end in "ab")
    assert one != other
    assert len(one.encode()) <= LONGEST
    (tmp_path / f".{one}.score.1234567.part").touch()
    assert joined("a b", "c") == "a-b-c"


def test_a_directory_of_any_name_is_told_as_it_is(gradcampp, factory, tmp_path):
    odd = "out [bold] [/x] <b>"
    status, _, err = gradcampp(
        "check", f"{factory}:good", "--layer", "0", "--image", "seen.npy", "--quiet", "--report", odd
    )
    assert status == 0
    assert err.startswith(f"report: {odd}/check-")


def test_what_a_model_prints_is_no_data(gradcampp, factory):
    status, out, err = gradcampp("check", f"{factory}:prints", "--layer", "0", "--image", "seen.npy", "--json")
    assert status == 0
    assert json.loads(out)["advice"] == "use the closed form"
    assert "a word" in err


def test_names_cannot_write_into_the_page(gradcampp, factory, two, tmp_path):
    odd = "<img src=x onerror=alert(1)>.npy"
    (tmp_path / odd).write_bytes((tmp_path / two[0]).read_bytes())
    gradcampp("check", f"{factory}:good", "--layer", "0", "--image", odd, "--quiet")
    (page,) = (tmp_path / "report").iterdir()
    text = page.read_text("utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_two_runs_that_share_a_name_do_not_take_each_others_files(tmp_path, monkeypatch):
    import torch

    from cam.jets.kept import Kept

    one, other = (Kept(torch.zeros(1), torch.zeros(1), tmp_path / "kept", key) for key in "ab")
    true = torch.save

    def meanwhile(stored, path):
        true(stored, path)
        if stored["key"] == "a":
            monkeypatch.setattr("os.getpid", lambda: 1)  # another process
            other.save(now=True)
            monkeypatch.undo()

    monkeypatch.setattr(torch, "save", meanwhile)
    one.save(now=True)
    assert torch.load(tmp_path / "kept", weights_only=True)["key"] == "a"


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_heatmap_through_what_has_no_gradient_is_refused(gradcampp, factory, weights):
    arguments = ("--layer", "0", "--image", "seen.npy", "--weights", weights)
    status, _, err = gradcampp("heatmap", f"{factory}:ungraded", *arguments)
    assert status == 2
    assert "torch has no gradient" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "heatmap"])
def test_a_state_dict_is_given_as_the_message_says(gradcampp, factory, tmp_path, command):
    import torch

    from verify.check.models import load

    kept, broken = (str(tmp_path / name) for name in ("w.pt", "nan.pt"))
    state = load(f"{factory}:good").model.state_dict()
    torch.save(state, kept)
    torch.save({name: x * torch.nan for name, x in state.items()}, broken)
    status, _, err = gradcampp(command, kept, "--layer", "0", "--image", "seen.npy")
    assert (status, f"give --state {kept}" in err) == (2, True)
    arguments = (command, f"{factory}:good", "--layer", "0", "--image", "seen.npy", "--state")
    assert gradcampp(*arguments, kept)[0] == 0
    status, _, err = gradcampp(*arguments, broken)
    assert (status, "infinite activations" in err or "NaN or infinite" in err) == (2, True)


@pytest.mark.parametrize(("command", "suffix"), [("check", "html"), ("heatmap", "png")])
def test_results_of_other_weights_do_not_take_each_other_s_place(gradcampp, factory, tmp_path, command, suffix):
    import torch

    from verify.check.models import load

    state = load(f"{factory}:good").model.state_dict()
    for name in ("one", "two"):
        torch.save(state, tmp_path / f"{name}.pt")
    where = ("--report" if command == "check" else "--out", str(tmp_path / "made"))
    for own in ((), ("--state", str(tmp_path / "one.pt")), ("--state", str(tmp_path / "two.pt")), ("--seed", "3")):
        assert gradcampp(command, f"{factory}:good", "--layer", "0", "--image", "seen.npy", *where, *own)[0] == 0
    assert len(list((tmp_path / "made").glob(f"*.{suffix}"))) == 4


def test_the_sign_of_a_difference_can_be_read_in_grey():
    pixels = np.zeros((40, 40, 3), np.uint8)
    found = {"map": {"closed": [[1.0, 0.0]], "exact": [[0.0, 1.0]]}}
    drawn = np.asarray(Image.open(io.BytesIO(shown.figure(found, pixels))).convert("RGB"), dtype=float)
    panel = drawn[:, int(0.72 * drawn.shape[1]) :]

    def where(share):
        """Return the columns of the colour at a share of the scale, and how bright it is in grey."""
        colour = 255 * np.array(mpl.colormaps[pictures.COLOURS](share)[:3])
        return np.nonzero((abs(panel - colour) < 3).all(-1))[1].mean(), colour @ [0.299, 0.587, 0.114]

    (more, bright), (less, dark) = where(1.0), where(0.0)
    assert more + 20 < less and dark + 100 < bright
