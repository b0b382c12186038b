"""Practice films, the division of clips, kept latents, and whose folder a run may write into."""

from __future__ import annotations

import json

import cv2
import pytest
import soundfile
import torch
from tiny_ldm import clips, smoke

from vtacli.errors import OutputError
from vtacli.signal.media import Audio
from vtacli.signal.onsets import find_onsets
from vtacli.training.ldm.data import divided
from vtacli.training.ldm.latents import LatentCache, moments_of
from vtacli.training.ldm.parts import make_parts
from vtacli.training.ldm.practice import hits_of, practice_films
from vtacli.training.ldm.run import Asked, train_recipe
from vtacli.training.score import hit_counts


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return practice_films(tmp_path_factory.mktemp("practice"), 3, seed=2)


def pictures(film) -> list[bytes]:
    opened, read = cv2.VideoCapture(str(film)), []
    while (picture := opened.read()[1]) is not None:
        read.append(picture.tobytes())
    return read


def test_practice_films_show_one_set_of_pictures_in_different_orders(films):
    """After coding and decoding, bit for bit: the set alone cannot tell when anything sounds."""
    shown = [pictures(film) for film in films]
    assert len({tuple(sorted(p)) for p in shown}) == 1
    assert len({tuple(p) for p in shown}) == len(films)
    # Half a second of every piece is one picture for an encoder at 2 a second, whatever the order.
    assert len({tuple(sorted(p[::12])) for p in shown}) == 1
    assert len({tuple(hits_of(f)) for f in films}) == len(films)


def test_practice_films_sound_when_they_strike(films):
    for film in films:
        wave, rate = soundfile.read(film.with_suffix(".wav"), dtype="float32")
        heard = [t for t, _ in find_onsets(Audio(wave[None], rate))]
        found, false, missed = hit_counts(heard, hits_of(film), 0.03)
        assert (false, missed) == (0, 0), found
        assert found == 8


def test_films_that_are_there_are_not_drawn_again(films, tmp_path):
    before = films[0].stat().st_mtime_ns
    practice_films(films[0].parent, 3, seed=2)
    assert films[0].stat().st_mtime_ns == before


def test_clips_are_divided_by_source_and_a_manifest_s_splits_are_heeded():
    rows = [{"source": f"video-{i // 2}"} for i in range(400)]
    train, held = divided(rows, 0.25)
    assert sorted(train + held) == list(range(400))
    assert 60 < len(held) < 140
    assert not {rows[i]["source"] for i in train} & {rows[i]["source"] for i in held}
    said = [{"source": str(i), "split": s} for i, s in enumerate(["train", "test", "validation"])]
    assert divided(said, 0.5) == ([0], [2])
    no_validation = [{"source": str(i), "split": "test" if i < 9 else "train"} for i in range(99)]
    train, held = divided(no_validation, 0.2)
    assert min(train + held) == 9
    assert held


def test_kept_latents_are_the_autoencoder_s_and_missing_files_are_made_again(tmp_path):
    vae, examples = make_parts(smoke()).vae, clips(5)
    cache = LatentCache(tmp_path, examples)
    cache.make(vae, 0, 1, lambda event: None)
    means, deviations = moments_of(vae, torch.stack([e.mel for e in examples]))
    for i in range(5):
        mean, deviation = LatentCache(tmp_path, examples)[i]
        assert torch.allclose(mean, means[i], atol=2e-3, rtol=1e-3)
        assert torch.allclose(deviation, deviations[i], atol=2e-3, rtol=1e-3)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.unlink()
    cache.make(vae, 0, 1, lambda event: None)
    assert file.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("facts", [None, {"stages": {}}])
def test_a_model_that_this_did_not_train_is_never_written_over(tmp_path, facts):
    (tmp_path / "model_index.json").write_text("{}")
    if facts is not None:
        (tmp_path / "facts.json").write_text(json.dumps(facts))
    for resume in (True, False):
        with pytest.raises(OutputError, match="did not train"):
            train_recipe(smoke(), Asked(tmp_path, device="cpu", resume=resume))
    assert (tmp_path / "model_index.json").read_text() == "{}"
