"""What every video encoder promises, at toy widths with random weights."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import TINY, pictures, value

from vtacli.errors import ConfigError, OutputError, WeightsMissing, WeightsRefused
from vtacli.model.encoders import ENCODERS, encoder_class, open_encoder, spec_of
from vtacli.model.encoders.base import clips, thinned, tubelet_times
from vtacli.model.encoders.importing import import_encoder
from vtacli.model.encoders.spec import SPECS
from vtacli.signal.media import Frames

STATE = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def encoders():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    made = {name: open_encoder(name, TINY[name]) for name in ENCODERS}
    # Sixty layers of torch's own random weights let nothing through.
    deep = made["mini"].state_dict()
    made["mini"].load_state_dict({k: value(k, tuple(v.shape)) for k, v in deep.items()})
    return made


@pytest.fixture(params=ENCODERS)
def encoder(request, encoders):
    return encoders[request.param]


def rate(encoder):
    return float(encoder.spec.frames_per_second)


def shown(encoder, count, seed=7):
    return pictures(count, encoder.frame_size_px, rate(encoder), seed)


def test_the_table_is_whole():
    assert list(ENCODERS) == list(SPECS)
    for name, spec in SPECS.items():
        assert spec.name == name
        assert spec.frames_per_second > 0
        assert spec.frame_size_px > 0
        assert "@" in spec.upstream or "/" in spec.upstream or name == "mini"
    assert SPECS["imagebind"].licence == "CC-BY-NC-SA-4.0"
    assert SPECS["vjepa"].licence == "CC-BY-NC-4.0"
    with pytest.raises(ConfigError, match="no encoder 'dino'"):
        spec_of("dino")


def test_the_spec_is_the_networks_own(encoder):
    spec = encoder.spec
    assert spec.frame_size_px == encoder.frame_size_px
    assert spec.width == encoder(shown(encoder, 1)).tokens.shape[1]


@pytest.mark.parametrize("count", [1, 2, 3, 21])
def test_any_number_of_frames(encoder, count):
    frames = shown(encoder, count)
    seen = encoder(frames)
    assert seen.tokens.shape == (len(seen), encoder.token_width)
    assert seen.tokens.dtype == torch.float32
    assert torch.isfinite(seen.tokens).all()
    assert seen.times_s.dtype == torch.float64
    assert (seen.times_s.diff() > 0).all()
    assert seen.times_s[0] >= 0
    assert seen.times_s[-1] <= frames.times_s[-1]
    assert len(seen) in (count, -(-count // 2))


def test_no_frames_are_no_tokens(encoder):
    size = encoder.frame_size_px
    seen = encoder(Frames(np.zeros((0, 3, size, size), np.uint8), np.zeros(0)))
    assert seen.tokens.shape == (0, encoder.token_width)


def test_the_same_again_and_another_of_others(encoder):
    once, again = (encoder(shown(encoder, 3)).tokens for _ in range(2))
    other = encoder(shown(encoder, 3, seed=8)).tokens
    assert torch.equal(once, again)
    assert float((once - other).abs().max()) > 1e-3


def test_times_are_the_frames_own(encoder):
    """Whatever the clock, a token stands where its frames do; what is seen is the same."""
    frames = shown(encoder, 5)
    later = Frames(frames.data, frames.times_s * 2 + 0.25)
    first, second = encoder(frames), encoder(later)
    assert torch.equal(first.tokens, second.tokens)
    assert torch.allclose(first.times_s * 2 + 0.25, second.times_s)


def test_pictures_of_another_size_are_refused(encoder):
    size = encoder.frame_size_px
    wrong = Frames(np.zeros((1, 3, size, size + 2), np.uint8), np.zeros(1))
    with pytest.raises(ValueError, match=f"sees {size}x{size} frames, got {size}x{size + 2}"):
        encoder(wrong)


def test_it_is_frozen_and_stays_so(encoder):
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not [name for name, p in encoder.named_parameters() if p.requires_grad]
    assert not encoder(shown(encoder, 1)).tokens.requires_grad


def test_saved_and_opened_again_it_is_the_same(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    again = open_encoder(encoder.NAME, tmp_path)
    assert type(again) is type(encoder)
    assert not [name for name, p in again.named_parameters() if p.requires_grad]
    before, after = (e(shown(encoder, 3)) for e in (encoder, again))
    # The last bits depend on where in memory the weights lie.
    assert torch.allclose(before.tokens, after.tokens, atol=1e-5)
    assert again.spec == encoder.spec


def test_weights_fit_exactly_or_not_at_all(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    state = load_file(tmp_path / STATE)
    name, tensor = sorted(state.items())[0]
    save_file({k: v for k, v in state.items() if k != name}, tmp_path / STATE)
    with pytest.raises(WeightsRefused, match="1 missing"):
        open_encoder(encoder.NAME, tmp_path)
    save_file(state | {"stranger": tensor.clone()}, tmp_path / STATE)
    with pytest.raises(WeightsRefused, match=r"1 unexpected \(stranger\)"):
        open_encoder(encoder.NAME, tmp_path)


def test_upstream_files_fit_exactly_or_not_at_all(encoder, tmp_path):
    kind = type(encoder)
    whole = {kind.upstream_name(k): v.clone() for k, v in encoder.state_dict().items()}

    def opened(state):
        path = tmp_path / "upstream.pth"
        torch.save({"target_encoder": state} if kind.NAME == "vjepa" else state, path)
        return kind.from_upstream(path, **TINY[kind.NAME])

    tokens = opened(whole)(shown(encoder, 3)).tokens
    assert torch.allclose(tokens, encoder(shown(encoder, 3)).tokens, atol=1e-5)
    last = sorted(whole)[-1]
    with pytest.raises(WeightsRefused, match=r"missing|no parameter"):
        opened({k: v for k, v in whole.items() if k != last})
    with pytest.raises(WeightsRefused, match="1 unexpected"):
        opened(whole | {"stranger": torch.zeros(1)})
    with pytest.raises(WeightsRefused, match=r"shape|is no|fit"):
        opened({k: v.flatten()[:1] if k == last else v for k, v in whole.items()})


def test_settings_that_nobody_knows_are_said(encoders, tmp_path):
    with pytest.raises(ConfigError, match=r"imagebind cannot be made so.*colour"):
        open_encoder("imagebind", {"colour": 3})
    torch.save({"patch_embed.proj.weight": torch.zeros(3)}, tmp_path / "odd.pth")
    with pytest.raises(WeightsRefused, match="no vivit: it has no parameter"):
        encoder_class("vivit").from_upstream(tmp_path / "odd.pth")


def test_half_precision_gives_float32(encoders):
    encoder = open_encoder("clip4clip", TINY["clip4clip"]).to(torch.bfloat16)
    assert encoder(shown(encoder, 2)).tokens.dtype == torch.float32


def test_a_folder_of_another_encoder_is_refused(encoders, tmp_path):
    encoders["cavp"].save_pretrained(tmp_path)
    with pytest.raises(WeightsRefused, match="holds a Cavp, not a VJepa"):
        open_encoder("vjepa", tmp_path)
    with pytest.raises(WeightsMissing, match="no MiniPicture"):
        open_encoder("mini", tmp_path / "nowhere")


def test_a_published_file_becomes_a_folder(encoders, tmp_path):
    kind, file, out = encoder_class("imagebind"), tmp_path / "imagebind.pth", tmp_path / "folder"
    state = {kind.upstream_name(k): v for k, v in encoders["imagebind"].state_dict().items()}
    torch.save(state, file)
    assert import_encoder("imagebind", file, out, heads=2).licence == "CC-BY-NC-SA-4.0"
    frames = shown(encoders["imagebind"], 3)
    expected = encoders["imagebind"](frames).tokens
    assert torch.allclose(open_encoder("imagebind", out)(frames).tokens, expected, atol=1e-5)
    with pytest.raises(OutputError, match="already there"):
        import_encoder("imagebind", file, out, heads=2)


def test_a_file_that_runs_is_not_run(tmp_path):
    import os

    class Run:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"cls": Run()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsRefused):
        encoder_class("imagebind").from_upstream(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_clips_repeat_the_last_frame():
    assert [c.tolist() for c in clips(5, 4)] == [[0, 1, 2, 3], [4, 4, 4, 4]]
    assert clips(4, 4)[0].tolist() == [0, 1, 2, 3]
    assert tubelet_times(np.array([0.0, 1.0, 4.0]), 2).tolist() == [0.5, 4.0]


def test_repeated_frames_tell_nothing_new(encoders):
    """A window that fills its last clip by repetition says of its frames what the same frames
    say when the repetition is in the film."""
    for name in ("vjepa", "vivit", "languagebind"):
        encoder = encoders[name]
        short = shown(encoder, 6)
        full = np.concatenate([short.data, *[short.data[-1:]] * 26])[: encoder.spec.clip_frames]
        longer = Frames(full, np.arange(len(full)) / rate(encoder))
        first, second = encoder(short).tokens, encoder(longer).tokens
        assert torch.equal(first, second[: len(first)])


def test_thinning_takes_the_nearest_and_leaves_the_rest():
    dense = pictures(26, 4, 12.5)
    thin = thinned(dense, Fraction(2))
    assert np.allclose(thin.times_s, [0, 0.48, 0.96, 1.52, 2.0])
    assert np.array_equal(thin.data[1], dense.data[6])
    assert thinned(dense, Fraction(25, 2)) is dense
    assert thinned(dense, Fraction(30)) is dense
    once = thinned(thin, Fraction(2))
    assert np.array_equal(once.times_s, thin.times_s)


MILLIONS = {
    "clip4clip": 304,  # ViT-L/14 and its projection
    "imagebind": 632,  # ViT-H/14 and its head
    "languagebind": 405,  # ViT-L/14 with attention over time in each of 24 layers
    "vjepa": 305,  # ViT-L/16 with 1568 places
    "vjepa2": 304,  # ViT-L/16, rotary: 326 with the predictor
    "vivit": 89,
    "cavp": 33,  # SlowOnly-50 without classes: 31.6, and the projection
    "mini": 4.7,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_at_its_published_size(name):
    """Made without memory: what the settings say when nobody says anything."""
    with torch.device("meta"):
        encoder = encoder_class(name)()
    count = sum(p.numel() for p in encoder.parameters())
    assert count / 1e6 == pytest.approx(MILLIONS[name], rel=0.02)
    assert encoder.spec == SPECS[name]
