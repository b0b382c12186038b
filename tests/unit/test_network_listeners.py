"""Listeners that do not come with the program, held against the published code on made weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_clap import made_clap

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.evaluation.films.material import Clip, Ears, Heard, Seen, hear, noise_like
from vtacli.evaluation.films.paired import measures
from vtacli.evaluation.films.score import figures_of
from vtacli.evaluation.listeners import open_listener
from vtacli.evaluation.metrics.levels import Levels
from vtacli.evaluation.network_listeners import load_strictly, read_state, windows_of
from vtacli.model import passt
from vtacli.model.panns import FOURIER, Cnn14
from vtacli.model.passt import Passt
from vtacli.model.vggish import Vggish, examples_of
from vtacli.signal.media import Audio
from vtacli.signal.mel import mel_basis

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "listeners.json").read_text())


def filled(model: torch.nn.Module, names: list[str]) -> torch.nn.Module:
    """Weights by a formula, in the published order of names, as the golden was made."""
    state = model.state_dict()
    for i, name in enumerate(names):
        if name not in state or not state[name].is_floating_point() or "melW" in name:
            continue
        t = state[name]
        x = torch.sin(torch.arange(t.numel(), dtype=torch.float64) * 12.9898 + i + 1) * 43758.5453
        x = (x - x.floor()) * 2 - 1
        if name.endswith("running_var"):
            v = 1 + 0.2 * x
        elif name.endswith(("running_mean", "bias")):
            v = 0.05 * x
        elif t.ndim == 1:
            v = 1 + 0.1 * x
        else:
            v = x * (6.0 / (t.numel() // t.shape[0])) ** 0.5
        t.copy_(v.reshape(t.shape).float())
    return model.eval()


def wave(rate: int, seconds: float) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    glide = 0.3 * np.sin(2 * np.pi * (300 + 400 * t) * t) * np.exp(-((t * 3) % 1) * 4)
    return (glide + 0.02 * np.sin(2 * np.pi * 3111 * t)).astype(np.float32)


def test_vggish_is_shown_what_torchvggish_is_shown():
    examples = examples_of(wave(16_000, 2.2))
    count, mean, spread = GOLDEN["vggish_examples"]
    assert len(examples) == count
    assert (float(examples.mean()), float(examples.std())) == pytest.approx((mean, spread), 1e-5)
    assert len(examples_of(wave(16_000, 0.1))) == 1


@pytest.mark.slow
@torch.no_grad()
def test_vggish_is_torchvggish():
    examples = examples_of(wave(16_000, 2.2))
    model = Vggish()
    found = filled(model, list(model.state_dict()))(examples).numpy()
    expected = np.array(GOLDEN["vggish"])
    assert np.abs(expected[0] - expected[1]).max() > 100 * 1e-4  # the golden does tell sounds apart
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
@torch.no_grad()
def test_cnn14_is_panns():
    model = filled(Cnn14(), GOLDEN["panns_names"])
    model.logmel_extractor.melW.copy_(mel_basis(32_000, 1024, 64, 50.0, 14_000.0).T)
    found = model(torch.from_numpy(wave(32_000, 1.5))[None])
    np.testing.assert_allclose(found.embeddings[0, ::16], GOLDEN["panns_embedding"], 1e-4, 1e-4)
    scores = torch.sigmoid(found.logits)[0, ::8]
    np.testing.assert_allclose(scores, GOLDEN["panns_scores"], atol=1e-4)


def small_passt():
    """48 wide, 2 blocks, 4 heads: as the golden was made."""
    return filled(Passt(48, 2, 4), GOLDEN["passt_names"])


def test_passt_is_shown_what_kkoutini_s_is_shown():
    shape, expected = GOLDEN["passt_levels"]
    levels = Passt(48, 0, 4).log_mel(torch.from_numpy(wave(32_000, 1.5))[None])[0]
    assert list(levels.shape) == shape
    np.testing.assert_allclose(levels[::8, ::30], expected, atol=1e-4)
    assert np.std(expected) > 0.2


@torch.no_grad()
def test_small_passt_is_kkoutini_s():
    model = small_passt()
    assert list(model.state_dict()) == GOLDEN["passt_names"]
    sounds = (wave(32_000, 1.5), wave(32_000, 10.0)[::-1].copy())
    found = [model(torch.from_numpy(s)[None]) for s in sounds]
    features = np.stack([f.features[0] for f in found])
    logits = np.stack([f.logits[0, ::8] for f in found])
    for ours, theirs in (
        (features, np.array(GOLDEN["passt_features"])),
        (logits, np.array(GOLDEN["passt_logits"])),
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
        assert np.abs(ours - theirs[::-1]).max() > 0.1  # the golden does tell sounds apart
        assert np.abs(ours - np.roll(theirs, 1, axis=1)).max() > 0.1


@torch.no_grad()
def test_passt_hears_any_length_up_to_ten_seconds():
    model = small_passt()
    tone = torch.from_numpy(wave(32_000, 10.3))[None]
    for samples in (0, 1, passt.SHORTEST - 1, passt.SHORTEST):
        assert model(tone[:, :samples]).logits.shape == (1, 527)
    fill = torch.nn.functional.pad(tone[:, :100], (0, passt.SHORTEST - 100))
    assert torch.equal(model(tone[:, :100]).logits, model(fill).logits)
    # upstream drops the patches that it has no places for
    frames = (passt.COLUMNS - 1) * passt.STRIDE + passt.PATCH
    ends = frames * passt.HOP + passt.N_FFT
    torch.testing.assert_close(model(tone).logits, model(tone[:, :ends]).logits)
    assert passt.COLUMNS == 99
    assert passt.ROWS == 12


@pytest.mark.slow
@torch.no_grad()
def test_passt_is_kkoutini_s():
    model = Passt()
    state = model.state_dict()
    assert sum(t.numel() for t in state.values()) == GOLDEN["passt_parameters"]
    found = filled(model, list(state))(torch.from_numpy(wave(32_000, 1.5))[None])
    features, logits = GOLDEN["passt_full"]
    np.testing.assert_allclose(found.features[0, ::16], features, atol=1e-4)
    np.testing.assert_allclose(found.logits[0, ::8], logits, atol=1e-4)
    assert np.abs(found.logits[0, ::8].numpy() - logits[::-1]).max() > 0.1


@pytest.fixture
def passt_folder(tmp_path, monkeypatch):
    """The small network's weights where the published ones would lie."""
    state = small_passt().state_dict()
    monkeypatch.setattr(passt, "Passt", lambda: Passt(48, 2, 4))
    folder = tmp_path / "passt"
    folder.mkdir()
    torch.save(state, folder / "passt-s-f128-p16-s10-ap.476-swa.pt")
    return folder


def test_passt_listens_in_windows_of_ten_seconds(passt_folder):
    listener = open_listener("passt", passt_folder)
    short, whole = wave(32_000, 2.0), wave(32_000, 13.0)
    listened = listener.listen(Audio(short[None], 32_000))
    assert listened.embeddings.shape == (1, 48)
    assert listened.classes.shape == (1, 527)
    assert listened.classes.sum() == pytest.approx(1, abs=1e-5)
    # under ten seconds: with silence behind it, as av-benchmark does
    filled_up = np.pad(short, (0, 320_000 - len(short)))
    apart = listener.listen(Audio(filled_up[None], 32_000))
    np.testing.assert_array_equal(listened.embeddings, apart.embeddings)

    listened = listener.listen(Audio(whole[None], 32_000))
    assert (len(listened.embeddings), len(listened.classes)) == (2, 2)
    first = listener.listen(Audio(whole[None, :320_000], 32_000))
    np.testing.assert_array_equal(listened.embeddings[0], first.embeddings[0])
    with torch.no_grad():
        rest = listener.network(torch.from_numpy(whole[320_000:])[None])
    np.testing.assert_array_equal(listened.embeddings[1], rest.features[0])

    half = np.concatenate([whole[:320_000], np.zeros(64_000, np.float32)])
    listened = listener.listen(Audio(half[None], 32_000))
    assert (len(listened.embeddings), len(listened.classes)) == (1, 2)
    silent = listener.listen(Audio(np.zeros((2, 0), np.float32), 48_000))
    assert (silent.embeddings.shape, len(silent.classes)) == ((0, 48), 1)


def test_passt_s_files(passt_folder):
    path = next(passt_folder.iterdir())
    state = torch.load(path, weights_only=True)
    sound = Audio(wave(32_000, 1.0)[None], 32_000)
    expected = open_listener("passt", passt_folder).listen(sound).embeddings

    wrapped = {f"net.{n}": t for n, t in state.items()}
    wrapped |= {n: torch.zeros(1) for n in passt.ASIDE}
    for form in (wrapped, {"model": state}):
        torch.save(form, path)
        found = open_listener("passt", passt_folder).listen(sound).embeddings
        np.testing.assert_array_equal(found, expected)
    for form, said in (
        ({n: t for n, t in state.items() if not n.startswith("head_dist")}, "2 missing"),
        ({**state, "pos_embed": torch.zeros(1)}, "unexpected"),
        ({**state, "time_new_pos_embed": torch.zeros(1, 48, 1, 199)}, "do not fit"),
    ):
        torch.save(form, path)
        with pytest.raises(WeightsRefused, match=said):
            open_listener("passt", passt_folder)
    path.unlink()
    save_file(state, path.with_suffix(".safetensors"))
    found = open_listener("passt", passt_folder).listen(sound).embeddings
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(WeightsMissing, match="shelf"):
        open_listener("passt", None)


def test_every_figure_of_sets_and_classes_is_there_by_passt(passt_folder):
    ears = Ears(open_listener("passt", passt_folder))
    rng = np.random.default_rng(0)
    clips = []
    for number in range(3):
        tone = wave(32_000, 1.0 + 0.1 * number)
        true = Audio(tone[None], 32_000)
        noisy = Audio((tone + rng.normal(0, 0.05, len(tone)))[None].astype(np.float32), 32_000)
        noise = hear(noise_like(noisy, number), ears)
        clips.append(
            Clip(
                str(number), Seen(1.0, 25.0, np.zeros(0)), hear(noisy, ears),
                true=hear(true, ears), noise=noise,
            )
        )  # fmt: skip
    figures = {f.key: f for f in figures_of(clips, ears)}
    assert {"fad", "kid", "is", "kl", "embedding_distance"} <= set(figures)
    assert figures["fad"].title == "FAD (passt)"
    assert figures["fad"].made.value > 0
    assert figures["kl"].made.value > 0
    assert figures["is"].made.value >= 1


def test_files_of_weights(tmp_path):
    with pytest.raises(WeightsMissing, match="found 0"):
        read_state(tmp_path)
    path = tmp_path / "a.pth"
    torch.save({"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, path)
    linear = torch.nn.Linear(3, 2)
    load_strictly(linear, read_state(tmp_path)[1], path)
    assert linear.weight.sum() == 6
    for state, said in (
        ({"weight": torch.ones(2, 3)}, "missing"),
        ({**linear.state_dict(), "more": torch.ones(1)}, "unexpected"),
        ({"weight": torch.ones(2, 4), "bias": torch.zeros(2)}, "do not fit"),
    ):
        with pytest.raises(WeightsRefused, match=said):
            load_strictly(torch.nn.Linear(3, 2), state, path)
    path.write_bytes(b"no weights")
    with pytest.raises(WeightsRefused):
        read_state(tmp_path)
    save_file({"x": torch.zeros(1)}, path.with_name("other.safetensors"))
    with pytest.raises(WeightsMissing, match="found 2"):
        read_state(tmp_path)
    path.unlink()
    assert list(read_state(tmp_path)[1]) == ["x"]
    with pytest.raises(WeightsMissing, match="torchvggish"):
        open_listener("vggish", None)


@pytest.mark.slow
def test_published_files_are_opened(tmp_path):
    state = {n: torch.zeros_like(t) for n, t in Cnn14().state_dict().items()}
    (tmp_path / "panns").mkdir()
    path = tmp_path / "panns" / "Cnn14_mAP=0.431.pth"
    torch.save({"iteration": 1, "model": {**state, **{n: torch.zeros(2) for n in FOURIER}}}, path)
    listener = open_listener("panns", path.parent)
    listened = listener.listen(Audio(wave(16_000, 1.0)[None], 16_000))
    assert listened.embeddings.shape == (1, 2048)
    assert listened.classes.shape == (1, 527)
    assert listened.classes.sum() == pytest.approx(1, abs=1e-5)
    silent = listener.listen(Audio(np.zeros((1, 3200), np.float32), 16_000))
    assert (len(silent.embeddings), len(silent.classes)) == (0, 1)

    (tmp_path / "passt").mkdir()
    state = {n: torch.zeros_like(t) for n, t in Passt().state_dict().items()}
    torch.save(state, tmp_path / "passt" / "passt-s-f128-p16-s10-ap.476-swa.pt")
    heard = open_listener("passt", tmp_path / "passt").listen(
        Audio(wave(16_000, 1.0)[None], 16_000)
    )
    assert heard.embeddings.shape == (1, 768)
    assert heard.classes.shape == (1, 527)

    (tmp_path / "vggish").mkdir()
    torch.save(Vggish().state_dict(), tmp_path / "vggish" / "vggish-10086976.pth")
    heard = open_listener("vggish", tmp_path / "vggish").listen(
        Audio(wave(48_000, 2.2)[None], 48_000)
    )
    assert heard.embeddings.shape == (2, 128)
    assert heard.classes is None


def test_a_sound_in_windows():
    assert [len(w) for w in windows_of(np.zeros(25, np.float32), 10)] == [10, 10, 5]
    assert [len(w) for w in windows_of(np.zeros(0, np.float32), 10)] == [0]


@pytest.fixture(scope="module")
def tiny_clap(tmp_path_factory):
    return made_clap(tmp_path_factory.mktemp("shelf"))


def test_clap_is_transformers_own(tiny_clap):
    from transformers import ClapFeatureExtractor, ClapModel

    listener = open_listener("clap", tiny_clap)
    sound = Audio(wave(48_000, 2.0)[None], 48_000)
    listened = listener.listen(sound)
    assert listened.classes is None
    features = ClapFeatureExtractor.from_pretrained(tiny_clap)
    seen = features(sound.data[0], sampling_rate=48_000, return_tensors="pt")
    with torch.no_grad():
        whole = ClapModel.from_pretrained(tiny_clap).eval()(
            input_ids=torch.tensor([[4]]), attention_mask=torch.tensor([[1]]), **seen
        )
    ours, words = listened.embeddings[0], listener.point("rain")
    similarity = float(ours @ words) / np.linalg.norm(ours) / np.linalg.norm(words)
    theirs = float(whole.audio_embeds[0] @ whole.text_embeds[0])
    assert similarity == pytest.approx(theirs, abs=1e-5)
    assert len(listener.listen(Audio(np.zeros((1, 4800), np.float32), 48_000)).embeddings) == 0

    measure = {m.key: m for m in measures(Ears(listener))}["clap_score"]
    heard = Heard(
        Levels(-20, -20, -1, 0), np.zeros(0), np.zeros(0), listened.embeddings.astype(float), None
    )
    clip = Clip("a", Seen(2.0, 25.0, np.zeros(0)), heard, caption="rain")
    assert measure.of(clip, heard)[0] == pytest.approx(similarity, abs=1e-6)


def test_a_clap_that_lacks_something(tiny_clap, tmp_path):
    import shutil

    from safetensors.torch import load_file

    shutil.copytree(tiny_clap, tmp_path / "clap")
    path = tmp_path / "clap" / "model.safetensors"
    state = load_file(path)
    state.pop(next(n for n in state if n.startswith("audio_projection")))
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(WeightsRefused, match="do not fit"):
        open_listener("clap", tmp_path / "clap")
    (tmp_path / "clap" / "config.json").unlink()
    with pytest.raises(WeightsRefused):
        open_listener("clap", tmp_path / "clap")
